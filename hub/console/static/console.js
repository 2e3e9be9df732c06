// What plain HTML cannot do. Everything works without it; nothing here decides anything.
"use strict";

// A box in a table's head ticks all boxes of its table.
document.addEventListener("change", (event) => {
  const box = event.target;
  if (!(box instanceof HTMLInputElement) || !box.matches("input[data-ticks]")) return;
  for (const each of document.querySelectorAll(`input[type=checkbox][name="${CSS.escape(box.dataset.ticks)}"]`)) {
    each.checked = box.checked;
  }
});

// An act that cannot be undone easily asks first.
document.addEventListener("submit", (event) => {
  const asked = event.submitter?.dataset.asks ?? event.target.dataset.asks;
  if (asked && !window.confirm(asked)) event.preventDefault();
});
