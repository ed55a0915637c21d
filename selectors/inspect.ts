/**
 * What console.log() and Deno.inspect() show of a selector, its map and a waker: what Python's
 * repr() tells.
 *
 * @module
 */

type Inspect = (value: unknown, options: object) => string;

// Deno's console and Node's util both ask for this method.
const CUSTOM = Symbol.for("nodejs.util.inspect.custom");

let isShowingMap = false;

/** Shows a selector as `EpollSelector { fileno: 5, registered: 3, closed: false }`. */
export function showSelector(
  prototype: { getMap(): { size: number }; readonly closed: boolean; fileno?(): number },
): void {
  define(prototype, (selector, _depth, options, inspect) => {
    const fields = fieldsOf(() => ({
      ...(selector.fileno === undefined ? {} : { fileno: selector.fileno() }),
      registered: selector.getMap().size,
      closed: selector.closed,
    }));
    return `${nameOf(selector)} ${inspect(fields, options)}`;
  });
}

/** Shows a waker as `Waker { fd: 5 }`. */
export function showWaker(prototype: { readonly fd: number }): void {
  define(prototype, (waker, _depth, options, inspect) => {
    return `${nameOf(waker)} ${inspect(fieldsOf(() => ({ fd: waker.fd })), options)}`;
  });
}

/** Shows a map-like object as a Map: `Map(1) { 5 => { … } }`. */
export function showMap(
  prototype: ReadonlyMap<unknown, unknown>,
): void {
  define(prototype, (map, depth, options, inspect) => {
    if (map === prototype) return `${nameOf(map)} {}`;
    // The data of a key may hold the map again.
    if (isShowingMap || depth < 0) return `[Map(${map.size})]`;
    isShowingMap = true;
    try {
      return inspect(new Map(map), { ...options, depth });
    } catch {
      return `Map(${map.size}) { ${[...map.keys()].join(", ")} }`; // data that cannot be shown
    } finally {
      isShowingMap = false;
    }
  });
}

function fieldsOf(describe: () => object): object {
  try {
    return describe();
  } catch {
    return {}; // a prototype has no fields
  }
}

function define<Instance extends object>(
  prototype: Instance,
  show: (instance: Instance, depth: number, options: object, inspect: Inspect) => string,
): void {
  Object.defineProperty(prototype, CUSTOM, {
    value(this: Instance, depth: number, options: object, inspect: Inspect): string {
      return show(this, depth, options, inspect);
    },
    configurable: true,
    writable: true,
  });
}

function nameOf(instance: object): string {
  const { constructor } = instance;
  return typeof constructor === "function" ? String(constructor.name) : "Object";
}
