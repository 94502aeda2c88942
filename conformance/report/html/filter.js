"use strict";
// Shows the units that the form chooses. Reads and writes nothing but attributes and text of this page.
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const form = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const none = document.getElementById("none");
  const units = all(".u").map((row) => {
    const group = row.closest(".g");
    return { row, group, model: row.dataset.m, feature: group.dataset.f, verdict: row.closest(".s").dataset.v };
  });
  const words = new Map(all(".g").map((group) => [
    group, ["id", "t"].map((part) => group.querySelector(`.${part}`).textContent).join(" ").toLowerCase(),
  ]));
  const holders = all(".g, .b, .s").reverse();

  const show = () => {
    const chosen = new FormData(form);
    const verdicts = new Set(chosen.getAll("verdict"));
    const [feature, model] = [chosen.get("feature"), chosen.get("model")];
    const text = chosen.get("text").trim().toLowerCase();
    const seen = new Set();
    let count = 0;
    for (const unit of units) {
      const wanted = verdicts.has(unit.verdict) && (!feature || unit.feature === feature) &&
        (!model || unit.model === model) && words.get(unit.group).includes(text);
      unit.row.hidden = !wanted;
      if (wanted) {
        count += 1;
        for (const holder of [unit.group, unit.group.closest(".b"), unit.row.closest(".s")]) seen.add(holder);
      }
    }
    const narrowed = Boolean(feature || model || text);
    for (const holder of holders) {
      holder.hidden = !seen.has(holder);
      if (holder.matches(".b")) holder.open = narrowed && seen.has(holder);
    }
    shown.textContent = `${count} / ${units.length}`;
    none.hidden = count > 0;
  };

  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(show));
  for (const link of all(".matrix a")) {
    link.addEventListener("click", () => {
      form.reset();
      form.elements.feature.value = link.dataset.f;
      form.elements.model.value = link.dataset.m;
      show();
    });
  }
  const language = () => {
    document.documentElement.lang = document.getElementById("chinese").checked ? "zh" : "en";
  };
  for (const choice of all("[name=language]")) choice.addEventListener("change", language);
  if (navigator.language.startsWith("zh")) document.getElementById("chinese").checked = true;
  language();
  form.hidden = false;
  show();
})();
