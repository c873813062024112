// What pages are nicer with; each of them works without it.
"use strict";

// A click on a token of the palette writes it where the cursor was last.
(() => {
  const palette = document.querySelector("[data-token-palette]");
  if (!palette) return;
  let target = null;
  document.querySelectorAll("[data-takes-tokens]").forEach((area) => {
    area.addEventListener("focus", () => { target = area; });
  });
  palette.querySelectorAll("code[data-token]").forEach((code) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "token";
    button.title = "Insert at the cursor";
    button.textContent = code.dataset.token;
    button.addEventListener("click", () => {
      if (!target) {
        target = document.querySelector("textarea[data-takes-tokens]");
        target.selectionStart = target.selectionEnd = target.value.length;
      }
      target.setRangeText(code.dataset.token, target.selectionStart, target.selectionEnd, "end");
      target.focus();
    });
    code.replaceWith(button);
  });
})();

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
