// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HTML_ACCOUNTS_HPP
#define QFA_REPORT_HTML_ACCOUNTS_HPP

#include <string_view>

namespace qfa {

/// The part of an audit page's script that shows what some audits have besides: how far activations move, which tokens
/// are hurt, and what features mean.
inline constexpr std::string_view html_accounts = R"js(
// ---- how far activations move, and which tokens are hurt
function showShift() {
  const list = compressed().filter(c => c.shift);
  if (list.length === 0) return;
  begin('shift', 'How far activations move', 'D is the compressed model\'s activation less the reference\'s. The SAE ' +
    'explains a part of D; the rest it does not see, and survival is silent about it.');
  const parts = [['relative', '|D| / |h|, energy', 4, 1], ['explained_share', 'explained %', 1, 100],
    ['decoded_share', 'decoded %', 1, 100], ['missed_share', 'missed %', 1, 100], ['cross_share', 'cross %', 1, 100],
    ['mean_shift_share', 'mean shift %', 1, 100]];
  add(table(`Shift of the activations, ${saeWords(report)}`,
    ['policy', ...parts.flatMap(([, name]) => [name, '95 %']),
    ['half is carried by', 'features, chosen on even groups'], ['share on odd groups %', 'held out'],
    'on odd groups 95 %'],
    list.map(c => [c.policy, ...parts.flatMap(([k, , d, unit]) => [fixed(unit * value(c.shift[k]), d),
    range(c.shift[k], d, unit)]),
    whole(c.shift.half_of_explained.features.length), percent(c.shift.half_of_explained.share_on_odd_groups),
    percentRange(c.shift.half_of_explained.share_on_odd_groups)])));
  const shown = new Set(list.map((c, i) => i).filter(i => i < 8));
  const drawn = figure('Energy of the shift by position',
    'Mean of |D|^2 at each position of a row; no interval: unmeasured.', width => keep(220, width * 0.3, 300),
    (width, tall) => {
    const box = [64, 12, width - 14, tall - 42], rows =
      list.map(c => c.shift.by_position.rows.map((r, i) => [i, r[0]]).filter(r => r[1] > 0)),
      all = rows.flat().map(r => r[1]);
    if (all.length === 0) return [text(70, 40, 'nothing moved')];
    const x = linear(0, Math.max(1, ...rows.map(r => r.length - 1)), box[0], box[2]),
      y = logarithmic(Math.min(...all) * 0.8, Math.max(...all) * 1.2, box[3], box[1]);
    return [axes(box, x, y, 'position', 'energy'), rows.map((r, i) => shown.has(i) ? line(lookOf(list[i]), r, x, y) :
      null)];
  }, table('Energy of the shift by position; no interval: unmeasured', ['position', ...list.map(c => c.policy)],
    list[0].shift.by_position.rows.map((_, k) => [String(k),
    ...list.map(c => brief(c.shift.by_position.rows[k][0]))])));
  add(list.length > 1 ? legend(list.map(c => c.policy), shown, () => drawn.paint()) : null, drawn);
}
const tokenWords = {position: 'position in the row', frequency: 'frequency of the token',
  entropy: 'entropy of the reference\'s prediction'};
function showTokens() {
  const list = compressed().filter(c => c.tokens);
  if (list.length === 0) return;
  begin('tokens', 'Which tokens are hurt', `KL of the predictions beside what happens to a token's codes, through a ` +
    `${saeWords(report)}.`);
  add(table(`Spearman correlation of a token's KL with, ${saeWords(report)}`,
    ['policy', 'cosine of codes', '95 %', 'Jaccard of active sets', '95 %', '|D| / |h|', '95 %', 'tokens'],
    list.map(c => {
    const k = c.tokens.spearman_kl;
    return [c.policy, ...[k.code_cosine, k.active_set_jaccard, k.relative_shift].flatMap(e =>
      [fixed(value(e), 3), range(e, 3)]), whole(k.code_cosine.tokens)];
  })));
  for (const c of list) {
    const sorts = Object.keys(c.tokens).filter(k => k.startsWith('by_'));
    add(details(`${c.policy}: by ${sorts.map(k => k.slice(3).replace(/_/g, ' ')).join(', ')}`,
      sorts.map(k => table(`${c.policy}, tokens by ${tokenWords[k.slice(3)] || k.slice(3).replace(/_/g, ' ')}, ` +
      `${saeWords(report)}`, ['from', 'below', 'tokens', 'KL', '95 %', 'cosine of codes', '95 %', 'Jaccard', '95 %',
      '|D| / |h|', '95 %'], c.tokens[k].map(b => [brief(b.low), known(b.high) ? brief(b.high) : 'no end',
      whole(b.tokens), brief(value(b.kl)), range(b.kl, 4),
      fixed(value(b.code_cosine), 4), range(b.code_cosine, 4), fixed(value(b.active_set_jaccard), 4),
        range(b.active_set_jaccard, 4), fixed(value(b.relative_shift), 4), range(b.relative_shift, 4)])))));
  }
}

// ---- what features mean
function showMeaning() {
  const list = compressed().filter(c => c.meaning);
  if (list.length === 0) return;
  begin('meaning', 'What features mean', `Whether a feature fires on other tokens than it did, through a ` +
    `${saeWords(report)}. Control: ${list[0].meaning.control}.`);
  add(table(`Changed meanings, ${saeWords(report)}; counts of features, no interval: unmeasured`,
    ['policy', 'compared', 'changed', ['limit, bits', 'of the control'], 'changed, r on common support high',
    'changed, low', 'unchanged, high', 'unchanged, low', 'left out', 'changed by the token before'],
    list.map(({policy, meaning: m}) => {
    const t = m.current_token, counts = t.by_common_support_r;
    return [policy, whole(t.compared), whole(t.changed), fixed(value(t.threshold_bits), 3),
      whole(counts.changed_high), whole(counts.changed_low), whole(counts.unchanged_high),
      whole(counts.unchanged_low), whole(t.left_out), whole(m.previous_token.changed)];
  })));
  const tokens = pairs => pairs.slice(0, 6).map(([id, share]) => `${id} (${fixed(times(100, share), 0)} %)`).join(', '),
    link = j => ({text: featureLink(report.sae, j), sort: j}),
    held = (even, both) => `${whole(even)} chosen by the even groups of rows, ${whole(both)} of them on the odd, too`;
  for (const {policy, meaning: m} of list) if (m.changed.length > 0) add(
    details(`${policy}: features that mean something else, ` +
    held(m.changed_on_even_groups, m.changed_on_odd_groups_too),
    table(`${policy}: tokens (ids) that features fire on in odd groups of rows, before and now, ${saeWords(report)}`,
    ['feature', ['divergence, bits', 'on the odd groups'], ['chosen by', 'on the even groups'],
    ['r on common support', 'all rows'], ['contexts kept', 'all rows'], 'tokens before', 'tokens now'],
    m.changed.map(x => [link(x.feature), fixed(value(x.divergence_bits), 3), fixed(x.divergence_bits_on_even_groups, 3),
      fixed(value(x.common_support_r), 3), fixed(x.context_overlap, 3), tokens(x.reference_tokens),
      tokens(x.compressed_tokens)]), {words: [5, 6]})));
  for (const {policy, meaning: m} of list) if (m.moved.length > 0) add(
    details(`${policy}: features whose missed firings went to one other, ` +
    held(m.moved_on_even_groups, m.moved_on_odd_groups_too),
    table(`${policy}: misses that one feature of a similar direction took over, ${saeWords(report)}`,
    ['feature', 'to', ['share of misses %', 'on the odd groups'], ['chosen by %', 'on the even groups'],
    ['misses', 'on the odd groups']],
    m.moved.map(x => [link(x.feature), link(x.to), fixed(times(100, value(x.share)), 1),
      fixed(times(100, x.share_on_even_groups), 1), whole(x.missed)]))));
}
)js";

}  // namespace qfa

#endif
