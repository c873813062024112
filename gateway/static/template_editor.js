// The template editor: a palette of tokens, a preview while one types, and a guard for what is not saved.
// Without it the page has a Preview button, and the tokens stand below to be copied.
"use strict";

(() => {
  const form = document.getElementById("editor");
  if (!form) return;
  const areas = [...form.querySelectorAll("[data-area]")];
  const one = (selector) => document.querySelector(selector);

  // --- places of mistakes: a click puts the caret there

  function placeOf(text, line, column) {
    let at = 0;
    for (let left = line - 1; left > 0; left -= 1) {
      const end = text.indexOf("\n", at);
      if (end < 0) break;
      at = end + 1;
    }
    return Math.min(at + column - 1, text.length);
  }

  function goTo(area, line, column) {
    const at = placeOf(area.value, line, column);
    const token = /^\{\{[^{}]*\}\}/.exec(area.value.slice(at));
    area.focus();
    area.setSelectionRange(at, at + (token ? token[0].length : 0));
    // A textarea scrolls to its caret only when it is typed in.
    if (area.tagName === "TEXTAREA") area.scrollTop = (line - 3) * parseFloat(getComputedStyle(area).lineHeight);
  }

  function linkPlaces(list, area) {
    list.querySelectorAll("li").forEach((item) => {
      const line = Number(item.dataset.line), column = Number(item.dataset.column);
      if (!line) return;
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = item.textContent;
      button.title = "Go to this place";
      button.addEventListener("click", () => goTo(area, line, column));
      item.replaceChildren(button);
    });
  }

  function tellMistakes(wrong) {
    areas.forEach((area) => {
      const list = one(`[data-mistakes="${area.name}"]`);
      const found = wrong[area.name] || [];
      list.replaceChildren(...found.map((mistake) => {
        const item = document.createElement("li");
        Object.assign(item.dataset, { line: mistake.line, column: mistake.column });
        item.textContent = mistake.words;
        return item;
      }));
      list.hidden = found.length === 0;
      area.classList.toggle("is-invalid", found.length > 0);
      area.setAttribute("aria-invalid", found.length > 0 ? "true" : "false");
      linkPlaces(list, area);
    });
  }

  areas.forEach((area) => linkPlaces(one(`[data-mistakes="${area.name}"]`), area));

  // --- what is not saved is not lost by a click

  const texts = () => JSON.stringify(areas.map((area) => area.value));
  // As the page came: template_draft.js may have put back what was typed before.
  const given = JSON.stringify(areas.map((area) => area.defaultValue));
  const saved = form.dataset.dirty === "yes" ? null : given;
  let leaving = false;
  const isDirty = () => texts() !== saved;
  function showDirty() {
    document.querySelectorAll("[data-unsaved], [data-discard]").forEach((mark) => { mark.hidden = !isDirty(); });
  }
  form.addEventListener("submit", () => { leaving = true; });
  one("[data-discard]").addEventListener("click", () => { leaving = true; });
  window.addEventListener("beforeunload", (event) => { if (isDirty() && !leaving) event.preventDefault(); });
  window.addEventListener("pageshow", () => { leaving = false; });

  // Enter in a line saves nothing: behind the addresses it sends the test, elsewhere it does nothing.
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !event.target.matches("input[type=text]")) return;
    event.preventDefault();
    if (event.target.name === "addresses") form.requestSubmit(one("[data-keeps-draft]"));
  });

  // --- the preview

  const stage = one("[data-preview-stage]"), frame = one("[data-preview-html]");
  const state = one("[data-preview-state]"), details = one("[data-preview-details]");
  const plain = one("[data-preview-text]"), subject = one("[data-preview-subject]"), none = one("[data-preview-none]");
  const DESKTOP = 640, PHONE = 360;
  let html = frame.getAttribute("srcdoc");

  const chosen = (name) => form.querySelector(`input[name="${name}"]:checked`).value;

  // The frame follows the reader's own preference; the choice above it is written into the mail instead.
  function coloured(text, dark) {
    return text
      .replace(/\(\s*prefers-color-scheme\s*:\s*dark\s*\)/gi, dark ? "(min-width: 0)" : "(max-width: 0)")
      .replace(/(<meta[^>]*name="(?:supported-)?color-schemes?"[^>]*content=")[^"]*"/gi, `$1${dark ? "dark" : "light"}"`);
  }

  function showFrame() {
    const view = chosen("view"), dark = chosen("colours") === "dark";
    const isText = view === "text";
    stage.hidden = isText || !html;
    details.hidden = !isText && !details.dataset.always;
    details.open = isText;
    form.querySelectorAll('input[name="colours"]').forEach((input) => { input.disabled = isText; });
    stage.classList.toggle("is-dark", dark);
    stage.classList.toggle("is-phone", view === "phone");
    const shown = coloured(html, dark);
    if (frame.getAttribute("srcdoc") !== shown) frame.setAttribute("srcdoc", shown);
    frame.style.colorScheme = dark ? "dark" : "light";
    fit(view);
  }

  // A desktop's width is shown smaller where the column is narrower.
  function fit(view) {
    const room = stage.clientWidth;
    frame.style.width = frame.style.height = frame.style.transform = stage.style.height = "";
    if (!room) return;
    if (view === "phone") {
      frame.style.width = `${Math.min(PHONE, room)}px`;
    } else if (room < DESKTOP) {
      const scale = room / DESKTOP, height = frame.offsetHeight;
      frame.style.width = `${DESKTOP}px`;
      frame.style.height = `${height / scale}px`;
      frame.style.transform = `scale(${scale})`;
      stage.style.height = `${height}px`;
    }
  }

  let timer = 0, asked = null, told = given;
  async function refresh() {
    if (asked) asked.abort();
    asked = new AbortController();
    const sent = texts();
    try {
      const answer = await fetch(form.dataset.preview, {
        method: "POST", body: new FormData(form), headers: { Accept: "application/json" }, signal: asked.signal,
      });
      if (!answer.ok) throw new Error(String(answer.status));
      show(await answer.json());
      told = sent;
    } catch (error) {
      if (error.name === "AbortError") return;
      state.textContent = "Not up to date: the preview cannot be made at the moment.";
      stage.classList.add("is-stale");
    }
  }

  function show(mail) {
    tellMistakes(mail.wrong || {});
    stage.classList.toggle("is-stale", Boolean(mail.wrong));
    if (mail.wrong) {
      state.textContent = "As it was before the mistake beside the field.";
      return;
    }
    state.textContent = isDirty() ? "With sample data. Not saved." : "With sample data.";
    html = mail.html;
    plain.textContent = mail.text;
    subject.textContent = mail.subject;
    subject.parentElement.hidden = false;
    if (none) none.hidden = true;
    showFrame();
  }

  areas.forEach((area) => area.addEventListener("input", () => {
    showDirty();
    clearTimeout(timer);
    timer = setTimeout(() => { if (texts() !== told) refresh(); }, 350);
  }));
  form.querySelectorAll('input[name="view"], input[name="colours"]').forEach((input) => input.addEventListener("change", showFrame));
  new ResizeObserver(() => fit(chosen("view"))).observe(stage.parentElement);
  one("[data-preview-tools]").hidden = false;
  document.querySelectorAll("[data-without-script]").forEach((button) => { button.hidden = true; });
  document.querySelectorAll("[data-with-script]").forEach((link) => { link.hidden = false; });
  showFrame();
  showDirty();
  if (texts() !== told) refresh();

  // --- the palette

  const list = one("[data-token-palette]");
  const palette = document.createElement("dialog");
  palette.className = "palette";
  palette.setAttribute("aria-labelledby", "tokens");
  const head = document.createElement("div");
  head.className = "palette-head";
  const search = document.createElement("input");
  Object.assign(search, { type: "search", className: "form-control", placeholder: "Search", autocomplete: "off" });
  search.setAttribute("aria-label", "Search tokens");
  const close = document.createElement("button");
  Object.assign(close, { type: "button", className: "btn btn-sm btn-outline-secondary", textContent: "Close" });
  close.addEventListener("click", () => palette.close());
  head.append(list.querySelector("h2"), close, search);
  const body = document.createElement("div");
  body.className = "palette-body";
  const nothing = document.createElement("p");
  Object.assign(nothing, { className: "muted", textContent: "No token is called that or means that.", hidden: true });
  nothing.setAttribute("role", "status");
  body.append(...list.querySelectorAll("[data-token-group]"), nothing);
  palette.append(head, body);
  list.replaceWith(palette);

  let target = null;
  const choices = [...palette.querySelectorAll("[data-token]")].map((item) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "token-choice";
    button.append(...item.childNodes);
    button.addEventListener("click", () => insert(item.dataset.token));
    item.replaceChildren(button);
    return button;
  });
  const visible = () => choices.filter((button) => !button.parentElement.hidden);

  function insert(written) {
    palette.close();
    target.focus();
    target.setRangeText(written, target.selectionStart, target.selectionEnd, "end");
    target.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function filter() {
    const wanted = search.value.trim().toLowerCase();
    choices.forEach((button) => { button.parentElement.hidden = !button.textContent.toLowerCase().includes(wanted); });
    palette.querySelectorAll("[data-token-group]").forEach((group) => { group.hidden = !group.querySelector("li:not([hidden])"); });
    nothing.hidden = visible().length > 0;
  }
  search.addEventListener("input", filter);

  // Arrows walk through the tokens; Enter in the search takes the first.
  palette.addEventListener("keydown", (event) => {
    const shown = visible(), at = shown.indexOf(document.activeElement);
    if (event.key === "Enter" && document.activeElement === search) {
      event.preventDefault();
      if (shown.length) shown[0].click();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = at + (event.key === "ArrowDown" ? 1 : -1);
      if (next < 0) search.focus();
      else if (next < shown.length) shown[next].focus();
    }
  });
  palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
  palette.addEventListener("close", () => { if (target) target.focus(); });

  form.querySelectorAll("[data-insert-into]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => {
      target = document.getElementById(button.dataset.insertInto);
      search.value = "";
      filter();
      palette.showModal();
      search.focus();
    });
  });

  // A field that was never in use takes tokens at its end.
  areas.forEach((area) => area.setSelectionRange(area.value.length, area.value.length));
})();
