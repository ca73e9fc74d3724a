// What is wrong with the pages in the frames of this one.
addEventListener("load", () => {
  const found = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, width = frame.clientWidth;
    const wrong = (text) => found.push(`${frame.title}, ${width} px: ${text}`);
    const name = (element) => `"${element.textContent.trim().slice(0, 60)}"`;
    for (const details of page.querySelectorAll("details")) details.open = true;

    if (page.documentElement.scrollWidth > width) {
      wrong(`the page is wider: ${page.documentElement.scrollWidth}`);
    }
    for (const element of page.querySelectorAll("main p, main figure, header p, li, h1, h2")) {
      if (element.getBoundingClientRect().right > width) wrong(`${name(element)} is wider than the page`);
    }
    for (const element of page.querySelectorAll("script, img, iframe, object, embed, form, base, [style]")) {
      wrong(`there is ${element.localName}`);
    }
    for (const element of page.querySelectorAll("*")) {
      for (const attribute of element.attributes) {
        if (/^on|^src|^(xlink:)?href$/i.test(attribute.name) && !attribute.value.startsWith("#")) {
          wrong(`${element.localName} has ${attribute.name}`);
        }
      }
      if (element.id && page.querySelectorAll(`[id="${element.id}"]`).length > 1) wrong(`${element.id} twice`);
    }
    if (!page.title.startsWith("go1x bench")) wrong(`the title is ${page.title}`);

    for (const drawing of page.querySelectorAll("figure > svg")) {
      const title = page.getElementById(drawing.getAttribute("aria-labelledby"));
      const description = page.getElementById(drawing.getAttribute("aria-describedby"));
      if (drawing.getAttribute("role") !== "img" || !title?.textContent || !description?.textContent) {
        wrong("a drawing has no name or description");
      }
      const outer = drawing.getBoundingClientRect();
      const texts = [...drawing.querySelectorAll("text")].map((text) => [text, text.getBoundingClientRect()]);
      texts.forEach(([text, box], at) => {
        if (box.left < outer.left - 1 || box.right > outer.right + 1 ||
            box.top < outer.top - 1 || box.bottom > outer.bottom + 1) {
          wrong(`${name(text)} is cut`);
        }
        for (const [other, its] of texts.slice(at + 1)) {
          const across = Math.min(box.right, its.right) - Math.max(box.left, its.left);
          // Lines of a text come as close as their letters do not.
          const down = Math.min(box.bottom, its.bottom) - Math.max(box.top, its.top);
          if (across > 0.5 && down > 0.25 * Math.min(box.height, its.height)) {
            wrong(`${name(text)} and ${name(other)} overlap`);
          }
        }
      });
      for (const element of drawing.querySelectorAll("path, rect, circle, line")) {
        const box = element.getBoundingClientRect();
        if (box.left < outer.left - 4 || box.right > outer.right + 4 || box.bottom > outer.bottom + 1) {
          wrong(`a ${element.getAttribute("class")} is cut`);
        }
      }
    }
    for (const table of page.querySelectorAll("table")) {
      if (!table.caption?.textContent || !table.closest(".scroll")) wrong("a table has no caption or cannot be moved");
      for (const cell of table.querySelectorAll(".number, .verdict")) {
        const text = page.createRange();
        text.selectNodeContents(cell);
        if (text.getBoundingClientRect().height > 30) wrong(`${name(cell)} has several lines`);
      }
      for (const row of table.rows) {
        if (row.cells.length !== table.rows[0].cells.length) wrong("a table's row has too few cells");
      }
    }
  }
  document.getElementById("found").textContent = found.join("\n") || "nothing";
});
