"use strict";
// Nothing leaves the page but the file that the participant saves.
const form = document.querySelector("form");
const left = document.querySelector("#left");
const cards = [...form.querySelectorAll("fieldset")];

function answers() {
  const given = {};
  for (const card of cards) {
    const chosen = card.querySelector("input:checked");
    if (chosen) given[card.dataset.item] = chosen.value;
  }
  return given;
}

function count() {
  const missing = cards.length - Object.keys(answers()).length;
  left.textContent = missing ? `Faltan ${missing}.` : "Listo: guarde sus respuestas.";
}

form.addEventListener("change", count);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const body = JSON.stringify({ study: form.dataset.study, answers: answers() }, null, 1);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([body], { type: "application/json" }));
  link.download = `respuestas-${form.dataset.study}-${crypto.randomUUID().slice(0, 8)}.json`;
  link.click();
});
count();
