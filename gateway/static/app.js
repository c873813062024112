// What pages are nicer with; each of them works without it.
"use strict";

// A form that takes a while says so, and is not sent twice.
document.querySelectorAll("form[data-busy]").forEach((form) => {
  form.addEventListener("submit", () => {
    const button = form.querySelector("button[type=submit], button:not([type])");
    if (!button) return;
    setTimeout(() => { button.disabled = true; button.textContent = form.dataset.busy; }, 0);
  });
});
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// An open menu closes by Escape and by a click beside it.
(() => {
  const menu = document.querySelector("details.phone-menu");
  if (!menu) return;
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") menu.open = false; });
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
})();
