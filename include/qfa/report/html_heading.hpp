// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HTML_HEADING_HPP
#define QFA_REPORT_HTML_HEADING_HPP

#include <string_view>

namespace qfa {

/// The part of an audit page's script that says what the page is of: what is drawn of the report, where its intervals
/// are too narrow, and the heading, without which no number means anything.
inline constexpr std::string_view html_heading = R"js(
// What an audit page is drawn from.
let report = data.report;
let protocol = 'honest';
const by = c => c[protocol];
const bitsOf = c => c.bits_per_weight ? value(c.bits_per_weight) : NaN;
const changeOf = c => c.loss ? percentChange(value(c.loss.perplexity_ratio)) : NaN;
const changeRange = c => c.loss && c.loss.perplexity_ratio.interval ?
  range(c.loss.perplexity_ratio, 2, 100, signed, 1) : c.reference ? '' : 'unmeasured';
const visible = () => report.conditions.filter(c => !c.ladder_only);
const compressed = () => visible().filter(c => !c.reference);
const lookOf = c => Math.max(0, report.conditions.filter(o => !o.reference && !o.ladder_only).indexOf(c));
const protocolWords = () => protocol === 'honest' ? 'protocol honest' : 'protocol: arXiv 2606.03002';

/** Where intervals are too narrow, as far as can be told: in the sentences that the program prints, one for all
    policies whose groups are too short, and one for all of which the same halving is the strongest sign. */
function showNarrowIntervals() {
  const found = new Map(), list = compressed();
  for (const c of list) {
    const loss = c.loss || {}, halved = loss.half_as_many_groups || {}, own = by(c).half_as_many_groups || {};
    const short = [['excess loss', loss.row_dependence], ['the codes\' cosine', c.code_dependence]]
      .filter(([, d]) => d && d.groups_long_enough === false)
      .sort((a, b) => a[1].groups_advised - b[1].groups_advised);
    const apart = [['excess loss', halved.excess_loss], ['KL', halved.kl], ['mean r', own.mean_r],
      ['the share with r above 0.9', own.survived]].filter(([, d]) => d && d.agrees === false)
      .sort((a, b) => value(b[1].standard_error_ratio) / b[1].most_by_chance -
        value(a[1].standard_error_ratio) / a[1].most_by_chance);
    if (short.length + apart.length === 0) continue;
    const [what, check] = [...short, ...apart][0], long = short.length === 0, key = long ? what : '';
    if (!found.has(key)) found.set(key, {whats: new Set(), short: !long, policies: [], checks: []});
    found.get(key).whats.add(what);
    found.get(key).policies.push(c.policy);
    found.get(key).checks.push(check);
  }
  for (const {whats, short, policies, checks} of found.values()) {
    const what = [...whats].join(' or ');
    const who = policies.length > 1 && policies.length === list.length ? 'all policies' : policies.join(', ');
    const upTo = policies.length > 1 ? 'up to ' : '', most = of => Math.max(...checks.map(of));
    paragraph(`Warning: ${who}: ` + (short ? `intervals are too narrow, as rows depend on each other in ${what} over ` +
      `${upTo}${fixed(most(d => value(d.block_length)), 1)} rows: of ${checks[0].groups} groups of rows ` +
      `${Math.min(...checks.map(d => d.groups_advised))} would be long enough.` :
      `the interval of ${what} is too narrow, as neighboring groups of rows hang together: with half of the ` +
      `${report.protocol.groups} groups its standard error is ${upTo}` +
      `${fixed(most(d => value(d.standard_error_ratio)), 2)} times as large, where chance allows ` +
      `${fixed(checks[0].most_by_chance, 2)}.`), 'warning');
  }
}

/** What numbers under the published protocol have to say of themselves, wherever they stand: what the paper does, and
    what this audit did. `name` tells one audit from another. */
function showPublished(r, name = '') {
  if (protocol !== 'published') return;
  const own = (r.protocol.published || {}).warnings;
  paragraph(`protocol: arXiv 2606.03002${name}. These numbers hang on what the paper does. ` + (own ?
    own.map(w => w[0].toUpperCase() + w.slice(1) + '.').join(' ') :
    'What was done here, the report does not say.'), 'warning');
}

// FVU on the compressed models of a report, from the best to the worst.
function fvuOfOthers(r) {
  const all = r.conditions.filter(c => !c.ladder_only && !c.reference).map(c => c.sae_fit.fvu).filter(known);
  if (all.length === 0) return '';
  const least = fixed(Math.min(...all), 4), most = fixed(Math.max(...all), 4);
  return `on compressed models ${least}${least === most ? '' : ` to ${most}`}; `;
}
// In how many groups of equal size the evidence of a counted feature lies.
const groupsOfEvidence = m => m && known(m.most) ?
  `; m_eff ${fixed(m.least, 1)} to ${fixed(m.most, 1)} groups, median ${fixed(m.median, 1)}` : '';

/** What the numbers of a report rest on, as facts. */
function groundsOf(r) {
  const p = r.protocol, sae = r.sae, reference = r.conditions.find(c => c.reference) || r.conditions[0];
  return [
    ['SAE', gates[sae.activation] || sae.activation, `${whole(sae.d_sae)} features of ${whole(sae.d_in)} channels; ` +
      `${sae.format}` +
      (p.gate && p.gate !== sae.activation ? '; ' + p.gate : '')],
    ['FVU on the reference', fixed(reference.sae_fit.fvu, 4),
      `95 % ${range(reference.sae_fit.fvu_interval, 4)}; ${fvuOfOthers(r)}L0 ${fixed(reference.sae_fit.l0, 1)} ` +
      `${range(reference.sae_fit.l0_interval, 1)}; dead features ` +
      `${percent({value: reference.sae_fit.dead_share})} % of ${whole(sae.d_sae)} (unmeasured)`],
    ['Tokens analyzed', whole(p.analyzed_tokens), `${whole(p.rows)} rows of ${whole(p.context)}, ${whole(p.groups)} ` +
      `groups`],
    ['Features counted', whole(by(reference).counted),
      `of ${whole(by(reference).active)} active; ${whole(by(reference).unmeasured)} unmeasured` +
      groupsOfEvidence(by(reference).effective_groups)],
    ['BOS', p.prepend_bos ? 'begins every row' : 'not added', `${whole(p.skip_positions)} positions left out`],
    ['Weights', p.model_dtype || 'not known', [p.processing && 'processing ' + p.processing, p.order].filter(
      Boolean).join('; ')],
  ];
}

function showHead() {
  const p = report.protocol, model = p.architecture || 'dumped activations';
  page.append(h('h1', {}, `What compression does to features: ${model}, ${p.hook}`));
  section = page;
  add(facts(groundsOf(report)));
  for (const warning of p.warnings || []) paragraph('Warning: ' + warning, 'warning');
  const joined = p.group_halving;
  if (joined && joined.groups < joined.groups_before)
    paragraph(`Intervals leave out each of ${joined.groups} groups of rows, not ${joined.groups_before}, as rows ` +
      `depend on each other in ${joined.series} of ${joined.policy} over ` +
      `${fixed(value(joined.block_length), 1)} rows.` + (joined.groups_for_halves > joined.groups ?
      ` What one half of the rows chooses and the other half judges has ${joined.groups_for_halves} groups, since ` +
      `half of ${joined.groups} is too few for an interval: they are shorter than that asks for, and its intervals ` +
      `may be too narrow.` : ''));
  showNarrowIntervals();
  showPublished(report);
}
)js";

}  // namespace qfa

#endif
