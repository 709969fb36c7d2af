// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HTML_PROTOCOL_HPP
#define QFA_REPORT_HTML_PROTOCOL_HPP

#include <string_view>

namespace qfa {

/// The last part of an audit page's script: how the report was made, and `showAudit`, which draws the page.
inline constexpr std::string_view html_protocol = R"js(
// ---- how it was made
const halvingWords = h => (h.groups < h.groups_before ? `${whole(h.groups_before)} groups of rows were joined to ` +
  `${whole(h.groups)}` : `none of ${whole(h.groups)} groups of rows were joined`) + (known(value(h.block_length)) ?
  `, as rows depend on each other over ${fixed(value(h.block_length), 1)} rows in ${h.series} of ${h.policy}` : '') +
  `; groups are ${h.groups_long_enough ? '' : 'not '}long enough` + (h.groups_for_halves === h.groups ? '' :
  `; ${whole(h.groups_for_halves)} groups where one half chooses and the other judges`);
function protocolTable(name, r) {
  const entries = Object.entries(r.protocol).filter(([k]) => !['inputs', 'warnings', 'published'].includes(k));
  return h('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': name},
    h('table', {class: 'protocol'}, h('caption', {}, name),
    h('tbody', {}, [...entries, ...Object.entries(r.sae).map(([k, v]) => ['SAE ' + k, v])].map(([k, v]) =>
    h('tr', {}, h('th', {scope: 'row'}, k.replace(/_/g, ' ')), h('td', {}, k === 'group_halving' && v ?
      halvingWords(v) : plainValue(v)))))));
}
function showProtocol() {
  begin('protocol', 'How it was made');
  add(protocolTable('Protocol', report));
  const inputs = report.protocol.inputs || [];
  if (inputs.length > 0) add(table('Files that were read', ['file', 'what it is', 'bytes', 'CRC-32'],
    inputs.map(f => [f.path, f.role || 'not said', whole(f.bytes), f.crc32])));
  add(table('Fit of the SAE, and the first position apart; where no interval stands: unmeasured',
    ['model', 'FVU', 'FVU 95 %', 'L0', 'L0 95 %', 'dead %', 'explained variance', 'position', '|h| there',
    '|h| elsewhere', ['|h| at position 0', 'also where it is left out'],
    'its share of flips %', ['its share of tokens %', 'what the share of flips would be were all positions alike'],
    ['its share of the shift %', 'of E |D|^2; needs --paired']], report.conditions.map(c => [c.policy,
    fixed(c.sae_fit.fvu, 4),
    range(c.sae_fit.fvu_interval, 4), fixed(c.sae_fit.l0, 1), range(c.sae_fit.l0_interval, 1),
    fixed(times(100, c.sae_fit.dead_share), 1), fixed(c.sae_fit.explained_variance, 4),
    String(c.first_position.position),
    fixed(c.first_position.norm, 1), fixed(c.first_position.norm_elsewhere, 1),
    fixed(c.first_position.norm_at_0, 1),
    percent(c.first_position.flip_share),
    fixed(100 / (report.protocol.context - c.first_position.position), 1), percent(c.first_position.shift_share)])));
  const matched = report.conditions.filter(c => c.pruning_match);
  if (matched.length > 0) add(table('Pruning matched to another policy', ['policy', 'matched to', 'by', 'target',
    'reached', 'rows', 'same rows as reported', 'within tolerance'],
    matched.map(({policy, pruning_match: m}) => [policy, m.matched_to, m.method, fixed(m.target, 5),
    fixed(m.reached, 5), whole(m.rows), m.same_rows_as_reported ? 'yes' : 'no', m.within_tolerance ? 'yes' : 'NO']),
    {words: [1, 2]}));
}

// ---- the whole page
const rounds = () => [showHead, showSummary, showBands, showMasking, showCurve, showDamage, showOverlap,
  showPrediction, showControls, showTensors, showLadder, showShift, showTokens, showMeaning, showSteering,
  showPatching, showFeatures, showProtocol];
function showAudit() {
  const draw = () => {
    page.replaceChildren();
    $('sections').replaceChildren();
    beforePrint.length = afterPrint.length = 0;
    rounds().forEach(part => attempt(part.name.replace(/^show/, ''), part));
  };
  bar('qfa audit', chooser('Protocol ', [['honest', 'honest'], ['published', 'published: arXiv 2606.03002']],
    protocol, chosen => { protocol = chosen; draw(); say('drawn again'); }));
  protocol = /^published/.test(report.protocol.headline) ? 'published' : 'honest';
  document.querySelector('#tools select').value = protocol;
  draw();
  followSections();
}
)js";

}  // namespace qfa

#endif
