// What was typed into the template editor outlives its page: this tab keeps it until it has been saved or
// discarded. A reload, the browser's Back, a service that was away and a session that had ended lose nothing.
// Runs before template_editor.js, which then finds the draft as if it had just been typed.
"use strict";

(() => {
  const form = document.getElementById("editor");
  if (!form) return;
  const areas = [...form.querySelectorAll("[data-area]")], base = form.elements.base_version;
  const key = `draft ${form.dataset.draft}`;
  const values = () => areas.map((area) => area.value);
  const differs = (texts) => areas.some((area, at) => area.defaultValue !== texts[at]);

  // A browser may forbid the store, or find it full: then the page works as it does without a script.
  function kept() {
    try { return JSON.parse(sessionStorage.getItem(key)); } catch { return null; }
  }
  function drop() {
    try { sessionStorage.removeItem(key); } catch { /* nothing was kept either */ }
  }
  function keep(isSent = false) {
    try { sessionStorage.setItem(key, JSON.stringify({ texts: values(), base: base.value, isSent })); } catch { drop(); }
  }

  // The address says so once, right after a save; a reload is not to say it again.
  const here = new URL(location.href), isSaved = here.searchParams.has("saved");
  if (isSaved) {
    here.searchParams.delete("saved");
    history.replaceState(history.state, "", here);
  }

  const draft = kept();
  if (isSaved && draft && draft.isSent) {
    drop();
  } else if (form.dataset.dirty === "yes") {
    keep();
  } else if (draft && differs(draft.texts)) {
    areas.forEach((area, at) => { area.value = draft.texts[at]; });
    // Whatever somebody saved since then is a newer version, and saving the draft has to notice it.
    base.value = draft.base;
    document.querySelector("[data-draft-note]").hidden = false;
  } else {
    drop();
  }

  areas.forEach((area) => area.addEventListener("input", () => {
    if (form.dataset.dirty === "yes" || differs(values())) keep();
    else drop();
  }));
  form.addEventListener("submit", (event) => {
    if (form.dataset.dirty === "yes" || differs(values())) keep(!event.submitter?.hasAttribute("formaction"));
  });
  document.querySelector("[data-discard]").addEventListener("click", drop);
})();
