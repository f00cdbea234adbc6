// Inside the frame: what Discord does and simcord's preview doesn't.

const timeline = document.getElementById("channel-timeline");
const box = () => document.querySelector("#channel-composer-input, .command-row [contenteditable], .command-row button");
const SOON_MILLISECONDS = 15000;
let acted = 0;

const act = () => { acted = Date.now(); };
document.addEventListener("submit", act, true);
document.addEventListener("keydown", (event) => { if (event.key === "Enter") act(); }, true);

// Show the answer to one's own command or message: go to the end, where the preview then stays.
new MutationObserver((changes) => {
  parent.postMessage("changed", location.origin);
  const isNew = changes.some(({ addedNodes }) => [...addedNodes].some((node) => node.nodeName === "ARTICLE"));
  if (isNew && Date.now() - acted < SOON_MILLISECONDS) requestAnimationFrame(() => { timeline.scrollTop = timeline.scrollHeight; });
}).observe(document.getElementById("channel-message-list"), { childList: true, subtree: true });

// The page's link to the message box leads here.
window.addEventListener("message", (event) => {
  if (event.origin === location.origin && event.data === "write") box()?.focus();
});
