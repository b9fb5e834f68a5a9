// Makes and changes elements. Texts go in as text nodes only, so data never becomes markup.

/**
 * @param {string} tag
 * @param {Record<string, any>} [attributes] any attribute, and `on…` functions; null leaves it out
 * @param {...(Node|string|null)} children
 * @returns {any}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Sets the text if it differs: an unchanged text costs no layout. @param {Node} node @param {string} text */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets or removes an attribute if it differs. @param {Element} element @param {string} name
 * @param {string|null} value */
export function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** A canvas fitted to its box and the screen's pixels. Returns its context, cleared, in CSS pixels; null if hidden.
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} height */
export function fitted(canvas, width, height) {
  const ratio = Math.min(window.devicePixelRatio || 1, 3);
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (w <= 0 || h <= 0) return null;
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const context = canvas.getContext('2d');
  if (!context) return null;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** Widths of canvases, kept by an observer so that no drawing asks for layout. */
export class Sizes {
  constructor(/** @type {() => void} */ changed) {
    /** @type {WeakMap<Element, {width: number, height: number}>} */
    this.known = new WeakMap();
    this.observer = new ResizeObserver((entries) => {
      for (const { target, contentRect } of entries) {
        this.known.set(target, { width: contentRect.width, height: contentRect.height });
      }
      changed();
    });
  }

  /** @param {Element} element */
  watch(element) {
    this.observer.observe(element);
    return element;
  }

  /** @param {Element} element */
  of(element) {
    return this.known.get(element) ?? { width: 0, height: 0 };
  }

  end() {
    this.observer.disconnect();
  }
}

/** A function that has `draw` run once before the next frame, however often it is called. @param {() => void} draw */
export function onceAFrame(draw) {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      draw();
    });
  };
}
