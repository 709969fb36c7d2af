// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HTML_SURVIVAL_HPP
#define QFA_REPORT_HTML_SURVIVAL_HPP

#include <string_view>

namespace qfa {

/// The part of an audit page's script that shows what survives, after report/html_heading.hpp: the summary, bands by
/// policy and bits, perplexity against survival, and the survival curve.
inline constexpr std::string_view html_survival = R"js(
function showSummary() {
  const groups = report.protocol.groups;
  begin('summary', 'Summary', `Every policy against the reference, under the ${protocolWords()}, through one ` +
    `${saeWords(report)}. ` + (groups < 8 ? `There are no intervals, as there are fewer than 8 groups of rows: ` +
    `${groups}.` : `Intervals are of 95 %, by leaving out each of ${groups} groups of rows.`));
  for (const c of compressed()) {
    const change = changeOf(c), lost = 1 - value(by(c).survived);
    if (!(Math.abs(change) < 2 && lost >= 0.05)) continue;
    const gone = by(c).counted - by(c).survived.count;
    add(h('p', {class: 'story'}, h('strong', {}, c.policy),
      ` changes perplexity by ${signed(change, 2)} % ${changeRange(c)}, and `,
      h('strong', {}, `${fixed(100 * lost, 1)} %`),
        ` of the counted features (${whole(gone)} of ${whole(by(c).counted)}) have r of 0.9 or less` +
        `${by(c).census ? `, ${whole(by(c).census.confirmed_not)} of them confirmed` : ''}: ` +
        `${percent(by(c).survived)} % ${percentRange(by(c).survived)} have r above 0.9 through this ` +
        `${saeWords(report)}.`));
  }
  const withLoss = visible().some(c => c.loss), withBits = visible().some(c => known(bitsOf(c)));
  const withCache = visible().some(c => c.cache);
  const columns = [['policy', c => c.policy], withBits &&
    ['bits', c => fixed(bitsOf(c), 2), 'bits a weight takes, scales included'],
    withCache && ['KV bits', c => c.cache ? fixed(value(c.cache.bits_per_element), 2) : '', 'bits an element takes'],
      withLoss && ['PPL', c => fixed(c.loss.perplexity, 3), 'perplexity'],
    withLoss && ['dPPL %', c => signed(changeOf(c), 2) + (c.loss.improves_perplexity ? ' improves' : ''),
      'change of perplexity'], withLoss && ['95 %', changeRange, 'of the change of perplexity'],
    ['survived %', c => percent(by(c).survived), 'r above 0.9'],
      ['95 %', c => percentRange(by(c).survived), 'of survived %'],
    ['mean r', c => fixed(value(by(c).mean_r), 4), 'correlation of a feature with itself'],
      ['95 %', c => range(by(c).mean_r, 4), 'of mean r'],
    ['FVU', c => fixed(c.sae_fit.fvu, 4), 'of the SAE on this model'],
      ['95 %', c => range(c.sae_fit.fvu_interval, 4), 'of FVU'],
    ['s/b/d', c => bandNames.map(b => by(c)[b].count).join('/'), 'counts of survived, blurred, destroyed'],
      ['unmeasured', c => whole(by(c).unmeasured)],
    ['blurred %', c => percent(by(c).blurred), 'r from 0.5 to 0.9'],
      ['destroyed %', c => percent(by(c).destroyed), 'r below 0.5'],
    ['median r', c => fixed(value(by(c).median_r), 4)], ['median r 95 %', c => range(by(c).median_r, 4)],
    withLoss && ['KL', c => fixed(value(c.loss.kl), 4), 'nats'],
      withLoss && ['KL 95 %', c => c.reference ? '' : range(c.loss.kl, 4)],
    ['dead', c => whole(c.dead), 'fires on the reference alone'],
      ['born', c => whole(c.born), 'hardly fires on the reference']].filter(Boolean);
  add(table(`Policies, ${protocolWords()}, ${saeWords(report)}`, columns.map(([head, , title]) => [head, title]),
    visible().map(c => columns.map(([, cell]) => cell(c)))));
  paragraph('"survived" (r > 0.9) bears the loss of 19 % of a rare feature\'s firings, "destroyed" (r < 0.5) takes ' +
    '75 %.' + (report.note ? ` ${report.note[0].toUpperCase()}${report.note.slice(1)}.` : ''), 'notes');
  const flips = compressed().map(({policy, flip_share: f = {}}) => `${policy} ` + (known(value(f)) ?
    `${percent(f)} % ${percentRange(f).replace(/^unmeasured$/, '(unmeasured)')}` :
    f.reason === 'nothing changed' ? 'none, as nothing changed' :
    `unmeasured, as ${f.reason || 'the report does not say why'}`)).join(', ');
  if (flips) paragraph(`Flips of the ${gates[report.sae.activation] || report.sae.activation} gate carry of the ` +
    `error's energy: ${flips}.`, 'notes');
}

function showBands() {
  begin('bands', 'Survival by policy and bits', `How the features fall into bands, through a ${saeWords(report)}. ` +
    `The line at the end of ` +
    '"survived" is its 95 % interval.');
  let of = 'counted';
  const names = [...bandNames, 'unmeasured'];
  const numbers = table(`Bands, ${protocolWords()}, ${saeWords(report)}`,
    ['policy', 'bits', 'counted', ...bandNames.flatMap(b => [b, b + ' %',
      [b + ' less bias %', 'noise carries more features across a threshold one way than the other'], b + ' 95 %']),
    'unmeasured'], visible().map(c => [c.policy, fixed(bitsOf(c), 2), whole(by(c).counted),
      ...bandNames.flatMap(b => [whole(by(c)[b].count), percent(by(c)[b]),
        fixed(times(100, by(c)[b].bias_corrected), 1), percentRange(by(c)[b])]), whole(by(c).unmeasured)]));
  const draw = width => {
    const list = visible(), left = keep(90, width * 0.3, 270), right = width - 12, rows = 30;
    const x = linear(0, 100, left, right, v => v + ' %');
    return [names.map((name, i) => [s('rect', {x: left + i * Math.min(112, (right - left) / 4), y: 4, width: 13,
      height: 13,
      fill: name === 'survived' ? 'var(--survived)' : `url(#hatch-${name})`, stroke: 'var(--quiet)',
        'stroke-width': 0.6}),
      text(left + i * Math.min(112, (right - left) / 4) + 18, 15, name)]),
      list.map((c, k) => {
        const y = 28 + rows * k, total = of === 'counted' ? by(c).counted : by(c).active;
        let at = 0;
        const parts = names.map(name => {
          const count = name === 'unmeasured' ? (of === 'counted' ? 0 : by(c).unmeasured) : by(c)[name].count;
          const share = total > 0 ? 100 * count / total : 0, from = x(at), to = x(at += share);
          if (!(share > 0)) return null;
          const word = fixed(share, 1), wide = 7.2 * word.length + 8;
          return [s('rect', {x: from, y, width: Math.max(0.5, to - from), height: rows - 8, stroke: 'var(--ground)',
            'stroke-width': 0.8,
            fill: name === 'survived' ? 'var(--survived)' : `url(#hatch-${name})`},
            s('title', {}, `${c.policy}: ${whole(count)} of ${whole(total)} ${name}, ${word} %`)),
            to - from > wide + 6 && name !== 'unmeasured' ?
              [s('rect', {x: (from + to - wide) / 2, y: y + 3, width: wide, height: rows - 14, rx: 2,
              fill: `var(--${name})`}), text((from + to) / 2, y + 15.5, word,
                {'text-anchor': 'middle', style: `fill: var(--on-${name})`})] : null];
        });
        const end = of === 'counted' ? bounds(by(c).survived) : null;
        const bits = bitsOf(c), label = short(c.policy, Math.floor((left - 62) / 6.7));
        return [text(0, y + 15, label, {}), known(bits) ? text(left - 8, y + 15, fixed(bits, 2),
          {class: 'tick', 'text-anchor': 'end'}) : null, parts.map(p => p && p[0]),
          end && known(end[0]) && known(end[1]) ? s('path',
            {'stroke-dasharray': by(c).survived.interval.kind === 'two_sided' ? '' : '2 2',
            d: `M${x(100 * end[0])} ${y + 5}v12M${x(100 * end[0])} ${y + 11}H${x(100 * end[1])}m0 -6v12`,
            stroke: 'var(--text)', 'stroke-width': 1.6, fill: 'none'}) : null, parts.map(p => p && p[1])];
      }),
      x.ticks.map(([at, word]) => text(x(at), 44 + rows * list.length, word,
        {class: 'tick', 'text-anchor': at === 100 ? 'end' : 'middle'}))];
  };
  const drawn = figure('Bands of survival', `${protocolWords()}; the numbers at the policies are bits a weight ` +
    `takes, scales included. ` +
    'Unmeasured features fire too rarely for a verdict.', () => 52 + 30 * visible().length, draw, numbers);
  add(h('div', {class: 'controls'}, chooser('Shares of', [['counted', 'the counted features'],
    ['active', 'all active features, unmeasured ones included']], of, chosen => { of = chosen; drawn.paint(); })),
      drawn);
  const list = compressed().map(c => c.policy);
  const gaps = ((report.overlaps || {})[protocol] || []).filter(o => o.a_survives_more_by &&
    list.includes(o.a) && list.includes(o.b));
  if (gaps.length === 0) return;
  add(details('Differences between every two policies',
    table(`One policy less another, paired by groups of rows, ${protocolWords()}, ${saeWords(report)}`,
    ['policies', ['counted', 'features that both count'], ['r > 0.9, points', 'share of them with r above 0.9'],
      ['less bias', 'bias of the plug-in shares taken off by the jackknife'], 'points 95 %', 'mean r', 'mean r 95 %'],
    gaps.map(o => [`${o.a} less ${o.b}`, whole(o.features), signed(times(100, value(o.a_survives_more_by)), 1),
      signed(times(100, o.a_survives_more_by.bias_corrected), 1), percentRange(o.a_survives_more_by),
      signed(value(o.a_mean_r_more_by), 4), range(o.a_mean_r_more_by, 4)])),
    h('p', {class: 'notes'}, 'The same group of rows is left out of both, so what rows do to both is in no interval: ' +
    'two policies whose own intervals overlap may still differ for sure.')));
}

function showMasking() {
  begin('masking', 'Perplexity against survival', 'What perplexity hides: policies that lie in the shaded corner ' +
    'change it by less than 2 %, and at least 5 % of the features have r of 0.9 or less.');
  const list = compressed().filter(c => known(changeOf(c)) && known(value(by(c).survived)));
  if (list.length === 0) {
    paragraph(compressed().some(c => known(changeOf(c))) ? 'Survival is unmeasured, as no feature is counted.' :
      'Perplexity is unmeasured: this audit has no losses.', 'quiet');
    return;
  }
  const ends = list.flatMap(c => [changeOf(c), ...(bounds(c.loss.perplexity_ratio) ||
    []).map(percentChange)]).filter(known);
  const low = Math.min(0, ...ends), high = Math.max(2.5, ...ends) * 1.15;
  const least = Math.min(90, ...list.map(c => 100 * value(by(c).survived)));
  const draw = (width, tall) => {
    const box = [62, 12, width - 14, tall - 42];
    const x = bent(low - 0.01, high, box[0], box[2], 0.03, v => v + ' %');
    const y = linear(Math.max(0, least - 5), 101, box[3], box[1], v => v + ' %');
    const corner = [x(Math.max(-2, low - 0.01)), y(95), x(2), y(Math.max(0, least - 5))];
    return [s('rect', {x: corner[0], y: corner[1], width: corner[2] - corner[0], height: corner[3] - corner[1],
      fill: 'var(--destroyed)', opacity: 0.1}),
      axes(box, x, y, 'change of perplexity (bent scale)', `survived, through a ${saeWords(report)}`),
      text(corner[0] + 8, corner[3] - 8, 'hidden by perplexity', {class: 'tick'}),
      list.map(c => {
        const e = c.loss.perplexity_ratio, across = bounds(e), along = bounds(by(c).survived), px = x(changeOf(c)),
          py = y(100 * value(by(c).survived));
        return s('path', {stroke: look(lookOf(c)).color, fill: 'none', 'stroke-width': 1.3, d:
          (across && across.every(known) ? `M${x(100 * (across[0] - 1))} ${py}H${x(100 * (across[1] - 1))}` : '') +
          (along && along.every(known) ? `M${px} ${Math.min(box[3], y(100 * along[0]))}V${y(100 * along[1])}` :
            '') || 'M0 0'});
      }),
      list.map(c => mark(lookOf(c), x(changeOf(c)), y(100 * value(by(c).survived)), 5,
        `${c.policy}: perplexity ${signed(changeOf(c), 2)} % ${changeRange(c)}, survived ${percent(by(c).survived)} ` +
        `% ${percentRange(by(c).survived)}`)),
      placeNames(list.map(c => [x(changeOf(c)), y(100 * value(by(c).survived)), c.policy]), box)];
  };
  add(figure('Perplexity against survival', `${protocolWords()}; bars are 95 % intervals of both.`,
    width => keep(300, width * 0.5, 440), draw,
    table(`Perplexity and survival, ${protocolWords()}, ${saeWords(report)}`,
      ['policy', 'dPPL %', '95 %', 'survived %', 'survived 95 %', 'KL', 'KL 95 %',
      'same first token %', 'same first token 95 %'],
        list.map(c => [c.policy, signed(changeOf(c), 2), changeRange(c), percent(by(c).survived),
      percentRange(by(c).survived), fixed(value(c.loss.kl), 4), range(c.loss.kl, 4), percent(c.loss.top1_agreement),
        percentRange(c.loss.top1_agreement)]))));
  const spread = list.filter(c => c.loss.by_token);
  if (spread.length === 0) return;
  heading('How losses are spread over tokens');
  const word = p => p === 0 ? 'least' : p === 100 ? 'most' : p === 50 ? 'median' : p + ' %';
  add(table('Percentiles over scored tokens of the loss less the reference\'s and of KL, nats; intervals: unmeasured',
    ['policy', 'of', 'tokens', ...spread[0].loss.by_token.percentiles.map(word)],
    spread.flatMap(c => [['excess loss', 'excess_loss'], ['KL', 'kl']].map(([what, key]) => [c.policy, what,
      whole(c.loss.by_token.tokens), ...c.loss.by_token[key].map(brief)])), {words: [1]}));
}

function showCurve() {
  begin('curve', 'Survival at every threshold', `The share of counted features whose r is above a threshold, through ` +
    `a ${saeWords(report)}: where one ` +
    'draws the line is up to the reader. The area below a curve is the mean of r, negative ones as 0.');
  const list = compressed(), shown = new Set(list.map((c, i) => i).filter(i => i < 8));
  const draw = (width, tall) => {
    const box = [62, 20, width - 14, tall - 42], x = linear(0, 1, box[0], box[2]),
      y = linear(0, 100, box[3], box[1], v => v + ' %');
    return [axes(box, x, y, 'threshold of r', 'features with r above it'),
      [[0.5, 'destroyed below'], [0.9, 'survived above']].map(([at, word]) =>
        [s('path', {d: `M${x(at)} ${box[1]}V${box[3]}`, stroke: 'var(--quiet)',
        'stroke-dasharray': '3 3'}), text(x(at), box[1] - 6, word, {'text-anchor': 'middle', class: 'tick'})]),
      list.map((c, i) => shown.has(i) ?
        line(i, by(c).survival_curve.rows.map(r => [r[0], times(100, r[1]), times(100, r[2]), times(100, r[3])]),
        x, y, {between: [1, 99]}) : null)];
  };
  const at = [0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99];
  const drawn = figure('Survival curve', `${protocolWords()}; the ribbons are 95 % intervals, point by point, where ` +
    `1 to 99 % are above; the numbers have all.`, width => keep(280, width * 0.45, 400), draw,
    table(`Features above thresholds of r, in %, ${protocolWords()}, ${saeWords(report)}`,
      ['policy', ...at.flatMap(t => ['r > ' + t, `r > ${t}, 95 %`])],
      list.map(c => [c.policy, ...at.flatMap(t => { const r = by(c).survival_curve.rows[Math.round(100 * t)];
        return [fixed(times(100, r[1]), 1), known(r[2]) || known(r[3]) ?
          `[${fixed(times(100, r[2]), 1)}, ${fixed(times(100, r[3]), 1)}]` : 'unmeasured']; })])));
  add(legend(list.map(c => c.policy), shown, () => drawn.paint(), 'Policies in the picture'), drawn);
  heading('The same without a threshold, and by mass');
  add(table(`Survival in other words, ${protocolWords()}, ${saeWords(report)}`,
    ['policy', 'survived %', 'survived 95 %', ['less bias %', 'bias of the plug-in share taken off by the jackknife'],
    ['confirmed survived', 'of these, 5 % at most are expected to be wrong'], 'confirmed not', 'undecided',
      ['mass survived %',
    'weighted by activation times decoder norm'], 'mass 95 %',
      ['mass counted %', 'share of all features\' mass that the counted ones have'],
      ['shift energy survived %', 'weighted by the energy of what changed, E (y - x)^2 times decoder norm squared'],
      'shift energy 95 %', ['logits survived %', 'weighted by activation times what the feature adds to logits'],
      'logits 95 %', 'area', 'area 95 %'],
    list.map(c => [c.policy, percent(by(c).survived), percentRange(by(c).survived),
      fixed(times(100, by(c).survived.bias_corrected), 1),
      ...['confirmed_survived', 'confirmed_not', 'undecided'].map(k => by(c).census ? whole(by(c).census[k]) : '-'),
        percent(by(c).mass_survival),
      percentRange(by(c).mass_survival), fixed(times(100, by(c).mass_covered), 1),
      percent(by(c).shift_energy_survival), percentRange(by(c).shift_energy_survival),
      percent(by(c).logit_survival), percentRange(by(c).logit_survival),
        fixed(value(by(c).survival_area), 4),
        range(by(c).survival_area, 4)])));
  const hurt = list.filter(c => c.damage_classes);
  if (hurt.length > 0) {
    heading('How features were hurt');
    add(table(`Counted features by damage class, honest protocol, ${saeWords(report)}`, ['policy',
      ['dead', 'fires no more'], ['gated off', 'more than half of its firings are lost'],
      ['ghosting', 'more than half of its firings are new'],
      ['attenuated', 'r above 0.9 at less than 0.8 of its strength'],
      ['amplified', 'at more than 1.25 of its strength'], ['blurred', 'none of these, r of 0.9 or less'],
      ['intact', 'none of these']],
      hurt.map(c => [c.policy, ...['dead', 'gated_off', 'ghosting', 'attenuated', 'amplified', 'blurred',
        'intact'].map(k => whole(c.damage_classes[k]))])));
  }
  const worst = list.filter(c => c.worst_features && c.worst_features.chosen > 0);
  if (worst.length > 0) {
    heading('The features that are hurt most');
    add(table(`Worst features, chosen on the even groups of rows and measured on the odd ones, honest protocol, ` +
      `${saeWords(report)}`, ['policy', ['groups', 'of rows, even and odd ones'],
      ['features', '5 % of the counted ones'], 'mean r where chosen', 'mean r', '95 %', ['r <= 0.9, %',
      'share of them with r of 0.9 or less'], '95 %'],
      worst.map(({policy, worst_features: w}) => [policy, whole(w.groups), whole(w.chosen),
        fixed(value(w.mean_r_on_even_groups), 3), fixed(value(w.mean_r_on_odd_groups), 3),
        range(w.mean_r_on_odd_groups, 3), percent(w.not_survived_on_odd_groups),
        percentRange(w.not_survived_on_odd_groups)])),
      h('p', {class: 'notes'}, 'Without an interval: mean r where chosen, which the choice flatters.'),
      details('The five that are hurt most, by the groups of rows that chose them', table(
      `Worst first, each with r where it was not chosen, honest protocol, ${saeWords(report)}`,
      ['policy', 'order', 'feature', ['r', 'on the odd groups of rows'], 'r 95 %'],
      worst.flatMap(({policy, worst_features: w}) => w.features.slice(0, 5).map((f, i) => [policy, String(i + 1),
        {text: featureLink(report.sae, f.feature), sort: f.feature}, fixed(value(f.r_on_odd_groups), 3),
        range(f.r_on_odd_groups, 3)])))));
  }
  paragraph('A feature survives for sure only where it is confirmed: r above 0.9 with a false discovery rate of 5 % ' +
    'over the counted features.', 'notes');
}
)js";

}  // namespace qfa

#endif
