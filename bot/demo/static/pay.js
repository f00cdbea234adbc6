// The demo is open in another tab, so going back closes this one. Where that's not allowed, the link leads there.
const SOON_MILLISECONDS = 200;

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[data-close]") : null;
  if (!link) return;
  event.preventDefault();
  window.close();
  setTimeout(() => { location.href = link.href; }, SOON_MILLISECONDS);
});

// Pressed twice, the second press would only show the answer to the first one later.
document.addEventListener("submit", (event) => {
  for (const button of event.target.querySelectorAll("button")) button.disabled = true;
});
