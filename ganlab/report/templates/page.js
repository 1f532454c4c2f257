for (const table of document.querySelectorAll("table.sortable")) {
  const heads = table.tHead.rows[0].cells;
  [...heads].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const key = row => {
        const { order } = row.cells[column].dataset;
        return order === undefined ? row.cells[column].textContent.trim() : Number(order);
      };
      const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b
        : String(a).localeCompare(String(b), undefined, { numeric: true });
      const missing = value => Number.isNaN(value) || value === "";
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const one = key(a), other = key(b);
        if (missing(one) || missing(other)) return missing(one) - missing(other);
        return falling ? compare(other, one) : compare(one, other);
      });
      table.tBodies[0].append(...rows);
    });
  });
}
