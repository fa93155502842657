import { PAGE_FONT, tokenStyle } from './theme.js';

/** The style sheet of every report: one column for reading, figures as wide as there is room, tables that scroll in place. */
export const pageStyle = (): string => `${tokenStyle()}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.6 ${PAGE_FONT};overflow-wrap:break-word}
main,header.top{max-width:1120px;margin:0 auto;padding:0 20px}
header.top{padding-top:40px;position:relative}
.kicker{margin:0;color:var(--accent);font-size:13px;font-weight:600;letter-spacing:.08em;text-transform:uppercase}
h1{margin:.15em 0 .2em;font-size:clamp(1.9rem,1.2rem + 2.6vw,2.9rem);line-height:1.15;letter-spacing:-.02em;max-width:22ch;text-wrap:balance}
h2{margin:0 0 .35em;font-size:1.35rem;line-height:1.3;letter-spacing:-.01em}
h3{margin:1.6em 0 .4em;font-size:1.02rem}
p,ul{max-width:72ch}ul{padding-left:1.2em}li{margin:.2em 0}
a{color:var(--accent);text-underline-offset:2px}
.lead{font-size:1.1rem;color:var(--dim);margin-top:.3em}
.dim,.caption{color:var(--dim)}.caption{margin:.1em 0 1em;font-size:.94rem}
section{margin:56px 0 0;scroll-margin-top:16px}
nav{display:flex;flex-wrap:wrap;gap:4px 16px;padding:14px 0;margin-top:20px;border-block:1px solid var(--rule);font-size:14px}
nav a{color:var(--dim);text-decoration:none;white-space:nowrap}nav a:hover{color:var(--accent);text-decoration:underline}
.answer{margin-top:32px;padding:24px 28px;border:1px solid var(--rule);border-left:4px solid var(--accent);border-radius:6px;background:var(--card)}
.answer h2{font-size:1.6rem}.answer .first{font-size:1.12rem}.answer p:not(.first){font-size:.96rem;margin:.7em 0}.answer p:last-child{margin-bottom:0}
.theme{position:absolute;top:28px;right:20px}
button{font:inherit;color:inherit;cursor:pointer}
button:focus-visible,a:focus-visible,summary:focus-visible,.wide:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.theme,.choice button,.chip{border:1px solid var(--rule);background:var(--card);border-radius:999px;padding:4px 12px;font-size:13px;line-height:1.4}
.controls,.theme,.legend{display:none}.live .theme{display:block}
.live .controls{display:flex;flex-wrap:wrap;gap:10px 24px;margin:0 0 10px}
.choice{display:flex;flex-wrap:wrap;align-items:center;gap:4px;border:0;margin:0;padding:0;min-width:0}
.choice span{font-size:12px;color:var(--dim);margin-right:4px}
.choice button[aria-pressed=true]{background:var(--ink);border-color:var(--ink);color:var(--page)}
.legend{display:flex;flex-wrap:wrap;gap:6px;margin:0 0 14px;padding:0;list-style:none;max-width:none}
.legend li{margin:0}.chip{display:inline-flex;align-items:center;gap:7px;padding:3px 11px 3px 8px}
.chip svg{flex:none}.chip[aria-pressed=false]{color:var(--dim);text-decoration:line-through}.chip[aria-pressed=false] svg{opacity:.25}
.hint{font-size:12px;color:var(--dim);margin:-6px 0 14px;display:none}.live .hint{display:block}
.panels{display:grid;gap:20px;grid-template-columns:repeat(auto-fit,minmax(min(100%,var(--panel)),1fr))}
.panel{margin:0;padding:14px 14px 10px;border:1px solid var(--rule);border-radius:6px;background:var(--card);min-width:0;display:flex;flex-direction:column}.plot{margin-top:auto}
.panel figcaption{font-size:13px;font-weight:600;margin-bottom:8px}
.plot svg{display:block;max-width:100%;height:auto;overflow:visible}.plot{overflow-x:auto;overflow-y:hidden}.live-plot{width:100%}
.card .pictures{display:flex;flex-wrap:wrap;gap:12px 20px;align-items:center;justify-content:center}.card svg{max-width:100%;height:auto;display:block}.card .caption{margin:auto 0 0;padding-top:10px;font-size:13px}.cards{--panel:460px}
.key{display:flex;flex-wrap:wrap;gap:4px 20px;margin:0 0 6px;padding:0;list-style:none;max-width:none;font-size:13px;color:var(--dim)}.key li{margin:0;display:inline-flex;align-items:center;gap:8px}
.ramp{display:flex;align-items:center;gap:8px;font-size:12px;color:var(--dim);margin:0 0 14px}
.ramp i{width:160px;height:10px;border-radius:2px;background:linear-gradient(90deg,#440154,#472f7d,#39568c,#2a788e,#1f988b,#22a884,#54c568,#a5db36,#fde725)}
[hidden]{display:none!important}
details{margin:12px 0}summary{cursor:pointer;color:var(--dim);font-size:14px}summary:hover{color:var(--accent)}
details[open]>summary{margin-bottom:10px}
.files{max-width:none;font-size:13px;color:var(--dim);margin:10px 0 0}
.wide{overflow-x:auto;margin:10px 0 18px;max-width:100%;-webkit-overflow-scrolling:touch}
table{border-collapse:separate;border-spacing:0;font-size:14px;line-height:1.45;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;font-size:13px;padding-bottom:6px}
th,td{padding:5px 14px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule);font-weight:400}
thead th{font-weight:600;font-size:13px;color:var(--dim);border-bottom:2px solid var(--rule);vertical-align:bottom}
th.text,td.text{text-align:left}td.text{white-space:normal;min-width:14em}
tbody th,thead th:first-child{position:sticky;left:0;background:var(--page);padding-left:0}
.answer tbody th,.answer thead th:first-child{background:var(--card)}
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:14px;margin:22px 0 0}
.numbers div{border-top:2px solid var(--rule);padding-top:8px}.numbers b{display:block;font-size:1.5rem;line-height:1.2;font-weight:600;font-variant-numeric:tabular-nums}
.numbers span{font-size:13px;color:var(--dim)}
.checks{list-style:none;padding:0;max-width:none}
.checks>li{display:grid;grid-template-columns:7.5em 1fr;gap:2px 16px;padding:12px 0;border-top:1px solid var(--rule);margin:0}
.checks .status{font-size:13px;font-weight:600}.status.held{color:var(--good)}.status.missed{color:var(--bad)}.status.open{color:var(--dim)}
.checks p{margin:0}.checks details{margin:4px 0 0}
pre{overflow-x:auto;padding:14px 16px;background:var(--card);border:1px solid var(--rule);border-radius:6px;font-size:13px;line-height:1.5}
code{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.92em}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 20px;margin:12px 0;font-size:15px}dt{color:var(--dim)}dd{margin:0;min-width:0}
.tip{position:fixed;z-index:9;pointer-events:none;max-width:280px;padding:8px 11px;border:1px solid var(--rule);border-radius:6px;background:var(--card);color:var(--ink);box-shadow:0 4px 18px rgb(0 0 0/.18);font-size:12.5px;line-height:1.45}
.tip div{display:flex;justify-content:space-between;gap:16px}.tip div span:first-child{color:var(--dim)}
footer{margin:72px 0 40px;padding-top:16px;border-top:1px solid var(--rule);font-size:13px;color:var(--dim)}
@media (max-width:600px){body{font-size:15px}main,header.top{padding-inline:14px}header.top{padding-top:64px}.theme{top:16px;right:14px}
.answer{padding:18px 16px}section{margin-top:44px}.checks>li{grid-template-columns:1fr}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:8px}th,td{padding:5px 10px}.panel{padding:12px 8px 8px}}
@media print{.controls,.legend .chip[aria-pressed=false],.theme,.hint,nav{display:none!important}.panel{break-inside:avoid}}
`;
