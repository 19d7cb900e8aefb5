/** How the report looks. */
export const style = `
:root { color-scheme: light; font: 15px/1.45 system-ui, sans-serif; color: #1c2430; background: #fff; }
body { max-width: 1200px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th { vertical-align: bottom; text-align: right; font-weight: 600; max-width: 9rem; }
td, th { padding: .25rem .6rem; border-bottom: 1px solid #e3e7ec; text-align: right; }
td:first-child, th:first-child { text-align: left; white-space: nowrap; }
tr.ours td:first-child { font-weight: 600; }
tr.reached td:last-child { color: #147a3d; font-weight: 600; }
tr.missed td:last-child { color: #b3261e; font-weight: 600; }
.plot { margin: 1.5rem 0; }
.u-legend { font-size: 12px; text-align: left; }
.bars { display: grid; grid-template-columns: max-content 1fr 4rem; gap: .2rem .7rem; font-size: 13px; margin-bottom: 1rem; }
.track { position: relative; background: #f3f5f7; }
.bar { height: 100%; background: #b4bfcc; } .bar.ours { background: #3b74c4; }
.track i { position: absolute; top: 25%; width: 5px; height: 50%; margin-left: -2px; border-radius: 3px; background: #1c2430; opacity: .6; }
.value { text-align: right; font-variant-numeric: tabular-nums; }
footer { margin: 3rem 0 1rem; color: #6a7480; font-size: 12px; }
`;
