// Client emails: what is counted beside the page. Each page works without it.
"use strict";

// Lines that take a moment to count are fetched once the page is there, one after the other.
(async () => {
  for (const line of document.querySelectorAll("[data-load]")) {
    try {
      const answer = await fetch(line.dataset.load, { credentials: "same-origin" });
      if (answer.ok && !answer.redirected) line.textContent = await answer.text();
    } catch { /* The link that stands there leads to the same. */ }
  }
})();

// Settings say what they mean while they are being changed: one question at a time, and the newest is the next.
document.querySelectorAll("form[data-meaning]").forEach((form) => {
  const place = document.getElementById("meaning");
  let timer = 0, asking = false, changed = false;
  const ask = async () => {
    changed = true;
    if (asking) return;
    asking = true;
    place.setAttribute("aria-busy", "true");
    while (changed) {
      changed = false;
      try {
        const answer = await fetch(form.dataset.meaning, { method: "POST", body: new FormData(form), credentials: "same-origin" });
        if (!changed && answer.ok && !answer.redirected) place.innerHTML = await answer.text();
      } catch { /* The last answer stays. */ }
    }
    asking = false;
    place.removeAttribute("aria-busy");
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 300); });
  form.querySelectorAll("[data-without-script]").forEach((button) => { button.hidden = true; });
  ask();
});

// How far a campaign has come changes in its place; what is being read or about to be pressed stays where it is.
document.querySelectorAll("[data-follow]").forEach((place) => {
  const told = document.getElementById("told");
  const look = async () => {
    try {
      const answer = await fetch(place.dataset.follow, { credentials: "same-origin" });
      if (answer.ok && !answer.redirected && !place.contains(document.activeElement)) place.innerHTML = await answer.text();
    } catch { /* The next look may succeed. */ }
    follow();
  };
  const follow = () => {
    const { again, told: words } = place.firstElementChild.dataset;
    if (again) setTimeout(look, Number(again) * 1000);
    else document.querySelectorAll("[data-while-followed]").forEach((form) => { form.hidden = true; });
    if (told.textContent !== words) told.textContent = words;
  };
  if (place.firstElementChild.dataset.again) follow();
});

// One checkbox chooses all of a list.
document.querySelectorAll("input[data-chooses]").forEach((all) => {
  const own = () => document.querySelectorAll(`input[name="${all.dataset.chooses}"]`);
  all.closest("[hidden]")?.removeAttribute("hidden");
  all.addEventListener("change", () => own().forEach((one) => { one.checked = all.checked; }));
});
