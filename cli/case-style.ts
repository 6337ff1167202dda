/** How the HTML case file looks: light and dark, on screens and on paper. Nothing is loaded. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1c2024; --soft: #60646c; --line: #d9d9e0; --page: #fcfcfd; --card: #f3f4f6;
  --good: #18794e; --bad: #b4232a; --wait: #8a5a00; --accent: #0b62c4; }
@media (prefers-color-scheme: dark) { :root { --ink: #edeef0; --soft: #a3a8b1; --line: #3a3f47; --page: #15171a;
  --card: #1f2227; --good: #4cc38a; --bad: #ff8b8b; --wait: #f1b44c; --accent: #70b8ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; padding-bottom: .2rem;
  border-bottom: 1px solid var(--line); } h3 { font-size: 1rem; margin: 1rem 0 .3rem; }
p { margin: .2rem 0; } .lead { font-size: 1.05rem; margin-bottom: .8rem; }
a { color: var(--accent); } small, .because, .when { color: var(--soft); } small { font-size: .8rem; }
code, pre { font: .85em/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { background: var(--card); padding: .6rem .8rem; border-radius: 6px; white-space: pre-wrap; margin: .2rem 0; }
.badge { display: inline-block; padding: 0 .5em; border: 1px solid currentColor; border-radius: 1em; font-size: .75rem;
  font-weight: 600; line-height: 1.5; vertical-align: middle; white-space: nowrap; }
.good { color: var(--good); } .badge.bad, .instead, .proofs + h3 { color: var(--bad); } .badge.wait { color: var(--wait); }
.badge.plain { color: var(--soft); }
dl { margin: 0 0 1rem; } dl > div { display: grid; grid-template-columns: 10rem 1fr; gap: .8rem; padding: .15rem 0; }
dt { color: var(--soft); } dd { margin: 0; }
ol, ul { margin: .2rem 0; padding-left: 1.2rem; }
.story { list-style: none; padding: 0; }
.story > li { position: relative; padding: .7rem 0 .7rem 10.5rem; border-bottom: 1px solid var(--line); }
.story .when { position: absolute; left: 0; top: .7rem; font-size: .8rem; line-height: 1.4;
  font-variant-numeric: tabular-nums; }
.decisions { margin-top: .4rem; } .decisions > li { padding: .3rem 0; }
details > summary { cursor: pointer; } .because::before { content: "· "; }
.step-line { margin: .3rem 0 .3rem .2rem; padding: .25rem .7rem; border-left: 3px solid var(--line);
  background: var(--card); border-radius: 0 6px 6px 0; }
.step-line.bad { border-color: var(--bad); } .step-line.wait { border-color: var(--wait); }
.step { font: 600 .85em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.findings { list-style: none; padding-left: .3rem; } .mark { display: inline-block; width: 1em; text-align: center; }
.findings .broken .mark, .findings .unknown .mark { color: var(--bad); }
.findings .sound .mark, .findings .proof .mark, .findings .present .mark, .proofs li::marker { color: var(--good); }
.proofs li::marker { content: "✓ "; } .consent { color: var(--accent); }
blockquote { margin: .4rem 0; padding: .4rem .9rem; border-left: 3px solid var(--wait); background: var(--card); }
.warn { border: 1px solid var(--bad); border-radius: 8px; padding: .2rem 1rem .8rem; margin: 1rem 0; }
.warn h2 { border: 0; margin: .6rem 0 .2rem; color: var(--bad); }
table { border-collapse: collapse; width: 100%; font-size: .88rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; } time { white-space: nowrap; font-variant-numeric: tabular-nums; }
@media (max-width: 40rem) { .story > li { padding-left: 0; } .story .when { position: static; display: block; }
  dl > div { grid-template-columns: 1fr; gap: 0; } }
@media print { body { max-width: none; padding: 0; } .story > li { break-inside: avoid; } }
`;
