//! The one style sheet of all pages: light and dark, narrow and wide, screen and paper.

/// Stands in every page, so that each can be moved and mailed alone.
pub(super) const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1c2430; --dim: #5b6675; --line: #d9dee6; --paper: #fff;
  --contact: #f0f3f7; --team: #e2eefc; --bot: #ece8fb; --note: #fff3d0; --link: #0b57b8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ebf1; --dim: #a3adbb; --line: #343d4a; --paper: #14181e;
  --contact: #222933; --team: #17304f; --bot: #2b2547; --note: #463a14; --link: #8ebcff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 50rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, sans-serif, \"Apple Color Emoji\", \"Segoe UI Emoji\", \"Noto Color Emoji\"; }
a { color: var(--link); }
h1 { margin: .25rem 0 1rem; font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; }
dl { display: grid; gap: .25rem; margin: 0 0 1.5rem; padding-bottom: 1rem; border-bottom: 1px solid var(--line); }
dl div { display: flex; gap: .75rem; }
dt { flex: 0 0 7rem; color: var(--dim); }
dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
ul.names, ul.buttons, ul.files, ol.messages { margin: 0; padding: 0; list-style: none; }
ul.names li { display: inline; }
ul.names li + li::before { content: \", \"; }
ol.messages { display: flex; flex-direction: column; gap: .6rem; }
ol.messages > li { max-width: 85%; padding: .5rem .8rem; border-radius: .8rem; background: var(--contact);
  align-self: flex-start; overflow-wrap: anywhere; }
ol.messages > li.team { align-self: flex-end; background: var(--team); }
ol.messages > li.bot { align-self: flex-end; background: var(--bot); }
ol.messages > li.marked { background: var(--note); border: 1px dashed var(--dim); }
ol.messages > li.day { align-self: center; background: none; color: var(--dim); font-size: .85rem; }
.who { margin: 0; font-size: .85rem; color: var(--dim); }
.who b { color: var(--ink); }
.mark { padding: 0 .4rem; border: 1px solid var(--dim); border-radius: .4rem; }
.state, .aside { margin: 0; font-style: italic; color: var(--dim); }
.body { text-align: start; }
.body p, .body div, .body li, .body td { unicode-bidi: plaintext; }
.body p { margin: 0 0 .5rem; }
.body :last-child { margin-bottom: 0; }
.body pre { white-space: pre-wrap; }
.body table { border-collapse: collapse; }
.body td, .body th { padding: .1rem .5rem; border: 1px solid var(--line); }
blockquote { margin: .25rem 0; padding-inline-start: .6rem; border-inline-start: 3px solid var(--line); color: var(--dim); }
ul.buttons { display: flex; flex-wrap: wrap; gap: .4rem; margin-top: .4rem; }
ul.buttons li { padding: .05rem .7rem; border: 1px solid var(--link); border-radius: 1rem; font-size: .9rem; }
ul.files { margin-top: .4rem; }
ul.files li::before { content: \"\\1F4CE\\FE0E\"; margin-inline-end: .4rem; }
footer { margin-top: 2rem; color: var(--dim); font-size: .85rem; }
table.index { width: 100%; border-collapse: collapse; font-size: .95rem; }
table.index th, table.index td { padding: .35rem .5rem; text-align: start; vertical-align: top;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
table.index th { white-space: nowrap; overflow-wrap: normal; }
table.index td.number { text-align: end; }
table.index td.time { white-space: nowrap; }
nav { display: flex; gap: 1rem; margin: 0 0 1rem; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; }
  :root { --ink: #000; --dim: #444; --line: #bbb; --paper: #fff; --link: #000; --contact: #fff; --team: #fff; --bot: #fff; --note: #fff; }
  nav { display: none; } ol.messages { display: block; }
  ol.messages > li { max-width: none; margin-bottom: .5rem; border: 1px solid var(--line); break-inside: avoid; }
  ol.messages > li.day { border: 0; } .body a::after { content: \" (\" attr(href) \")\"; } }
";
