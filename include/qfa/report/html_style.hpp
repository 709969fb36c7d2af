// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HTML_STYLE_HPP
#define QFA_REPORT_HTML_STYLE_HPP

#include <string_view>

namespace qfa {

/// What every page looks like.  Colors are Okabe and Ito's (2008), told apart with any color vision, darkened where a
/// line or a letter has to stand out from a white ground by 3 : 1 or 4.5 : 1 (WCAG 2.1); and nothing is told by color
/// alone: bands are hatched, lines dashed, marks shaped.
inline constexpr std::string_view html_style = R"css(
:root {
  color-scheme: light;
  --ground: #ffffff; --panel: #f6f7f9; --edge: #d5d9e0; --text: #1b1f27; --quiet: #555d6b; --link: #0b5cad;
  --focus: #b3470b; --grid: #e3e6eb; --survived: #0072b2; --blurred: #e69f00; --destroyed: #c0392b;
  --unmeasured: #c9ced6; --on-survived: #ffffff; --on-blurred: #1b1f27; --on-destroyed: #ffffff; --hatch: #ffffff;
  --c0: #0072b2; --c1: #c05a00; --c2: #007d5e; --c3: #a8437f; --c4: #8a6a00; --c5: #2b8fc4;
  --c6: #6b4fb3; --c7: #444b57;
  --heat: 0, 114, 178; --heat-most: .62; --warn: #fff4d6; --warn-edge: #d9a400; --mark: #fff0b8;
}
:root[data-theme="dark"] {
  color-scheme: dark;
  --ground: #14171c; --panel: #1c2027; --edge: #39404c; --text: #e7eaef; --quiet: #a7afbd; --link: #7cbcff;
  --focus: #ffb454; --grid: #2b313b; --survived: #3d9fdc; --blurred: #e8b13a; --destroyed: #e8705f;
  --unmeasured: #4a515e; --on-survived: #0c1116; --on-blurred: #14171c; --on-destroyed: #0c1116; --hatch: #14171c;
  --c0: #56b4e9; --c1: #f0934a; --c2: #3cc79f; --c3: #e08fc0; --c4: #e0c34a; --c5: #9ad0f5;
  --c6: #b39bf0; --c7: #c3c9d3;
  --heat: 86, 180, 233; --heat-most: .46; --warn: #3a3013; --warn-edge: #b98c12; --mark: #4d4214;
}
* { box-sizing: border-box; }
html { scroll-padding-top: 3.4rem; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 2px; }
.skip { position: absolute; left: -999px; top: 0; background: var(--ground); padding: .5rem 1rem; z-index: 9; }
.skip:focus { left: 0; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.frame { display: grid; grid-template-columns: 12.5rem minmax(0, 1fr); max-width: 88rem; margin: 0 auto; }
.bar { position: sticky; top: 0; z-index: 5; background: var(--ground); border-bottom: 1px solid var(--edge);
  display: flex; flex-wrap: wrap; gap: .5rem 1.2rem; align-items: center; padding: .45rem 1.2rem; grid-column: 1 / -1; }
.bar .name { font-weight: 700; letter-spacing: .01em; margin-right: auto; overflow-wrap: anywhere; }
nav { position: sticky; top: 3rem; align-self: start; padding: 1.2rem .4rem 2rem 1.2rem; max-height: calc(100vh - 3rem);
  overflow: auto; }
nav ol { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .22rem .6rem; text-decoration: none;
  color: var(--quiet); border-left: 3px solid transparent; }
nav a:hover { color: var(--text); text-decoration: underline; }
nav a[aria-current] { color: var(--text); border-left-color: var(--survived); font-weight: 600; }
main { padding: 1.2rem 1.2rem 4rem; min-width: 0; }
main > section { margin: 0 0 2.6rem; padding-top: .2rem; }
h1 { font-size: 1.65rem; line-height: 1.25; margin: 0 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 0 0 .3rem; padding-bottom: .25rem; border-bottom: 2px solid var(--edge); }
h3 { font-size: 1rem; margin: 1.3rem 0 .3rem; }
p { margin: .35rem 0 .7rem; max-width: 62rem; }
.quiet { color: var(--quiet); }
.notes { font-size: .87rem; color: var(--quiet); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .6rem;
  margin: .9rem 0; padding: 0; }
.facts > div { background: var(--panel); border: 1px solid var(--edge); border-radius: 6px; padding: .5rem .7rem; }
.facts dt { font-size: .78rem; color: var(--quiet); }
.facts dd { margin: 0; font-size: 1.05rem; font-weight: 600; overflow-wrap: anywhere; }
.facts dd small { display: block; font-weight: 400; font-size: .78rem; color: var(--quiet); }
.warning { background: var(--warn); border: 1px solid var(--warn-edge); border-left-width: 6px; border-radius: 4px;
  padding: .45rem .8rem; margin: .5rem 0; max-width: 62rem; overflow-wrap: anywhere; }
.story { border-left: 6px solid var(--destroyed); background: var(--panel); padding: .5rem .9rem; margin: .5rem 0;
  max-width: 62rem; }
select, input, button { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--quiet);
  border-radius: 4px; padding: .18rem .5rem; max-width: 100%; }
select, input[type=search] { height: 2rem; }
button { cursor: pointer; }
button:hover { background: var(--panel); }
label { color: var(--quiet); font-size: .9rem; }
.controls { display: flex; flex-wrap: wrap; gap: .5rem 1.1rem; align-items: end; margin: .5rem 0; }
.controls label { display: flex; flex-direction: column; gap: .1rem; min-width: 0; }
.controls input[type=search] { width: 19rem; }
figure { margin: .8rem 0 1.2rem; }
figcaption { font-size: .87rem; color: var(--quiet); max-width: 62rem; margin-top: .3rem; }
svg { display: block; max-width: 100%; height: auto; }
svg text { fill: var(--text); font-size: 12px; font-family: inherit; }
svg .tick { fill: var(--quiet); font-size: 11px; }
svg .axis { stroke: var(--quiet); fill: none; }
svg .grid { stroke: var(--grid); fill: none; }
svg .halo { paint-order: stroke; stroke: var(--ground); stroke-width: 3px; stroke-linejoin: round; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(27rem, 100%), 1fr)); gap: 0 1.6rem; }
.legend { display: flex; flex-wrap: wrap; gap: .15rem 1rem; font-size: .87rem; margin: .3rem 0; padding: 0; border: 0; }
.legend label { display: inline-flex; align-items: center; gap: .35rem; color: var(--text); }
.legend svg { flex: none; }
.scroll { overflow-x: auto; margin: .5rem 0; border: 1px solid var(--edge); border-radius: 4px; }
table { border-collapse: collapse; font-size: .87rem; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: .4rem .6rem; color: var(--quiet); font-size: .87rem; caption-side: top; }
th, td { padding: .22rem .5rem; border-top: 1px solid var(--grid); text-align: right; white-space: nowrap;
  vertical-align: top; }
thead th { border-top: 0; border-bottom: 1px solid var(--edge); background: var(--panel); vertical-align: bottom; }
th:first-child, td:first-child, .words { text-align: left; }
td.words { white-space: normal; min-width: min(17rem, 50vw); overflow-wrap: anywhere; }
.big td.words { min-width: 0; white-space: nowrap; }
tbody th { font-weight: 500; }
tbody th.long { white-space: normal; min-width: min(18rem, 40vw); max-width: 24rem; overflow-wrap: anywhere; }
.scroll thead th:first-child, .scroll tbody th[scope=row] { position: sticky; left: 0; background: var(--ground); }
.scroll thead th:first-child { background: var(--panel); }
tbody tr:hover { background: var(--panel); }
tr.chosen > *, .scroll tr.chosen th[scope=row] { background: var(--mark); }
th button { border: 0; background: none; padding: 0; font-weight: 600; text-align: inherit; white-space: nowrap; }
th button::after { content: "\2195"; opacity: .35; margin-left: .25rem; font-weight: 400; }
th[aria-sort=ascending] button::after { content: "\2191"; opacity: 1; }
th[aria-sort=descending] button::after { content: "\2193"; opacity: 1; }
details { margin: .4rem 0 .8rem; }
summary { cursor: pointer; color: var(--link); font-size: .9rem; width: fit-content; }
.band { display: inline-block; padding: 0 .45em; border-radius: 3px; }
.band::before { content: ""; display: inline-block; width: .62em; height: .62em; margin-right: .35em;
  border-radius: 50%; background: var(--unmeasured); border: 1px solid var(--quiet); }
.band.survived::before { background: var(--survived); }
.band.blurred::before { background: linear-gradient(135deg, var(--blurred) 50%, var(--ground) 50%); border-radius: 0; }
.band.destroyed::before { background: var(--destroyed); border-radius: 0; transform: rotate(45deg); }
.big { height: 31rem; overflow: auto; border: 1px solid var(--edge); border-radius: 4px; }
.big table { border-collapse: separate; border-spacing: 0; }
.big thead th { position: sticky; top: 0; z-index: 1; }
.big td { height: 28px; padding-top: 0; padding-bottom: 0; vertical-align: middle; }
.big .gap td { padding: 0; border: 0; height: auto; }
.protocol th { white-space: normal; vertical-align: top; font-weight: 500; color: var(--quiet); }
.protocol td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
@media (max-width: 60rem) {
  .frame { display: block; }
  .bar { position: static; padding: .45rem .8rem; }
  nav { position: static; max-height: none; padding: .5rem .8rem 0; }
  h1 { font-size: 1.3rem; }
  nav ol { display: flex; gap: 0 .2rem; overflow-x: auto; }
  nav a { border-left: 0; border-bottom: 3px solid transparent; padding: .15rem .4rem; font-size: .87rem;
    white-space: nowrap; }
  nav a[aria-current] { border-bottom-color: var(--survived); }
  main { padding: .8rem .8rem 3rem; }
  html { scroll-padding-top: .5rem; }
  .controls input[type=search] { width: 100%; }
}
@page { size: landscape; margin: 11mm; }
@media print {
  :root, :root[data-theme="dark"] { color-scheme: light; }
  body { font-size: 10.5pt; }
  .frame { display: block; max-width: none; }
  nav, .bar .tools, .controls, .skip, details:not([open]) { display: none; }
  .bar { position: static; }
  main { padding: 0; }
  main > section { margin-bottom: 1.2rem; }
  figure, tr, .facts > div, .story, .warning { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll, .big { overflow: visible; height: auto; border: 0; }
  .big thead th, .scroll thead th:first-child, .scroll tbody th[scope=row] { position: static; }
  thead { display: table-header-group; }
  table { font-size: 6.4pt; }
  table:has(th:nth-child(19)) { font-size: 5.8pt; }
  th, td { padding: .1rem .16rem; }
  /* Chromium paints no button in a head that it repeats on the next page. */
  th button { display: none; }
  thead th::before { content: attr(data-head); }
  /* A table wider than the page would make Chromium shrink all pages to it, and cut it off beyond 1.5 times. */
  th, .scroll td, caption, figcaption { white-space: normal; }
  td.words, tbody th.long { min-width: 0; }
  .big td { height: auto; }
  figure svg { width: auto; max-width: 100%; max-height: 11.5cm; }
  section > h2 + p { break-after: avoid; }
  .pair { grid-template-columns: 1fr 1fr; }
}
)css";

/// What stands on every page before the script draws the rest.  The hidden drawing has the hatches of the bands.
inline constexpr std::string_view html_frame = R"html(<a class="skip" href="#page">Skip to the report</a>
<svg width="0" height="0" style="position:absolute" aria-hidden="true" focusable="false" id="hatches"><defs>
<pattern id="hatch-blurred" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<rect width="7" height="7" fill="var(--blurred)"/>
<rect width="2" height="7" fill="var(--hatch)" opacity=".55"/></pattern>
<pattern id="hatch-destroyed" width="6" height="6" patternUnits="userSpaceOnUse">
<rect width="6" height="6" fill="var(--destroyed)"/>
<circle cx="3" cy="3" r="1.1" fill="var(--hatch)" opacity=".7"/></pattern>
<pattern id="hatch-unmeasured" width="6" height="6" patternUnits="userSpaceOnUse">
<rect width="6" height="6" fill="var(--ground)"/><path d="M0 6 6 0" stroke="var(--quiet)" stroke-width=".7"/></pattern>
</defs></svg>
<div class="frame">
<header class="bar"><span class="name" id="name">qfa</span><span class="tools" id="tools"></span></header>
<nav aria-label="Sections"><ol id="sections"></ol></nav>
<main id="page" tabindex="-1"><noscript><p class="warning">A script within this file draws the report, and it does not
run here. report.json and features.csv beside it hold the same numbers.</p></noscript></main>
</div>
<p class="hidden" role="status" aria-live="polite" id="said"></p>
)html";

}  // namespace qfa

#endif
