// A strip of thumbnails, each a button that says which image it leads to and whether that has a label.
function render({model, el}) {
  const strip = document.createElement("div");
  strip.className = "lanenb-strip";
  strip.setAttribute("role", "group");
  strip.setAttribute("aria-label", "images of the folder");
  el.append(strip);

  function show() {
    strip.replaceChildren(...model.get("items").map((item) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.lmSuppressShortcuts = "true";             // d d over a thumbnail deletes no cell
      button.title = `${item.name} (${item.state})`;
      button.setAttribute("aria-label", button.title);
      button.setAttribute("aria-current", String(item.current));
      const img = document.createElement("img");
      img.alt = "";
      if (item.src) img.src = item.src;
      const mark = document.createElement("span");
      mark.textContent = `${item.index + 1} ${item.mark}`;
      button.append(img, mark);
      button.addEventListener("click", () => model.send({do: "go", index: item.index}));
      return button;
    }));
  }

  model.on("change:items", show);
  show();
  return () => model.off("change:items", show);
}

export default {render};
