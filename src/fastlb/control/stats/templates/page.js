"use strict";
// Sorting, filtering, refreshing in place, confirmation. The page does all of its work without this file.
(() => {
  const filter = document.getElementById("filter");
  let order = null;
  const number = (text) => Number(text.replace(/[\u202f\s]/g, "").split("/")[0]);
  const compare = (column, sign) => (a, b) => {
    const [x, y] = [a, b].map((row) => row.children[column].textContent.trim());
    const [m, n] = [number(x), number(y)];
    return sign * (Number.isNaN(m) || Number.isNaN(n) ? x.localeCompare(y) : m - n);
  };
  function applyOrder() {
    if (!order) return;
    for (const body of document.querySelectorAll("tbody")) {
      const rows = [...body.rows].filter((row) => row.classList.contains("server"));
      const end = [...body.rows].find((row) => row.classList.contains("backend")) || null;
      rows.sort(compare(order.column, order.sign));
      for (const row of rows) body.insertBefore(row, end);
    }
  }
  function applyFilter() {
    const wanted = filter.value.toLowerCase();
    for (const section of document.querySelectorAll("main section")) {
      let shown = 0;
      const all = section.id.toLowerCase().includes(wanted);
      for (const row of section.querySelectorAll("tbody tr")) {
        row.hidden = !all && !row.textContent.toLowerCase().includes(wanted);
        shown += !row.hidden;
      }
      section.hidden = shown === 0;
    }
  }
  document.addEventListener("click", (event) => {
    const heading = event.target.closest("thead tr:last-child th");
    if (heading) {
      const column = [...heading.parentNode.children].indexOf(heading) + Number(heading.closest("table").dataset.lead);
      order = { column, sign: order && order.column === column ? -order.sign : -1 };
      applyOrder();
    }
    if (event.target.matches("input.all")) {
      for (const box of event.target.form.querySelectorAll("input[name=s]")) box.checked = event.target.checked;
    }
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    const names = [...form.querySelectorAll("input[name=s]:checked")].map((box) => box.value);
    const label = form.querySelector("select[name=action]").selectedOptions[0].textContent;
    if (!names.length || !confirm(`${label}: ${names.join(", ")}?`)) event.preventDefault();
  });
  filter.closest("label").hidden = false;
  document.body.classList.add("scripted");
  filter.addEventListener("input", applyFilter);
  const period = Number(document.body.dataset.refresh) * 1000;
  async function refresh() {
    if (document.hidden || document.querySelector("input[name=s]:checked")) return;
    try {
      const address = location.pathname + location.search + ";norefresh" + location.hash;
      const answer = await fetch(address.replace(/;st=[A-Z]*/, ""), { cache: "no-store" });
      // An error page has no tables: what is shown stays, and is seen to be old.
      if (!answer.ok) throw new Error(answer.statusText);
      const text = await answer.text();
      // A server that was selected meanwhile stays selected.
      if (document.querySelector("input[name=s]:checked")) return;
      const fresh = new DOMParser().parseFromString(text, "text/html");
      for (const part of ["main", "dl"]) document.querySelector(part).replaceWith(fresh.querySelector(part));
      document.body.classList.remove("stale");
      applyOrder();
      applyFilter();
    } catch { document.body.classList.add("stale"); }
  }
  if (period) setInterval(refresh, period);
})();
