/** A trace, drawn: cards with lines between them, in a box of its own. The keyboard goes along the lines. */

import { hueOf } from '../core/domain.js';
import { between } from '../core/format.js';
import { html, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../core/html.js';
import { lay, line, MANY, NARROW, pathTo, towards, WIDE } from '../core/tree.js';
import { Card } from './card.js';

/** @typedef {import('../core/tree.js').Node} Node */
/** @typedef {import('../core/tree.js').Placed} Placed */

/** Where trees are indented rather than wide. */
const narrow = matchMedia('(max-width: 48rem)');

function useSizes() {
  const [isNarrow, setNarrow] = useState(narrow.matches);
  useEffect(() => {
    const turn = () => setNarrow(narrow.matches);
    narrow.addEventListener('change', turn);
    return () => narrow.removeEventListener('change', turn);
  }, []);
  return isNarrow ? NARROW : WIDE;
}

/**
 * @param {{root: Node, start: string | null, labels: Map<string, string>, open: string, folded: Set<string>,
 *   onOpen: (id: string) => void, onFold: (id: string) => void}} props
 *   `start` is the position that times are counted from, `open` the node that is looked at
 */
export function Tree({ root, start, labels, open, folded, onOpen, onFold }) {
  const sizes = useSizes();
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const { placed, width, height } = useMemo(() => lay(root, folded, sizes), [root, folded, sizes]);
  const [focused, setFocused] = useState(open);
  const index = Math.max(0, placed.findIndex(({ node }) => node.id === focused));
  const path = useMemo(() => pathTo(placed.find(({ node }) => node.id === open)?.node), [placed, open]);

  const [span, look] = useSpan(box);
  const isMoving = useRef(false);
  // Of a tree of a thousand cards only those that can be seen are there, and the one that has the focus.
  const isSeen = (/** @type {Placed} */ { y }, /** @type {number} */ place) => place === index || (y > span[0] && y < span[1]);
  const seen = placed.length > MANY ? placed.filter(isSeen) : placed;

  // What was asked for is in sight, wherever in the tree it is.
  useLayoutEffect(() => {
    const at = placed.find(({ node }) => node.id === open);
    if (!box.current || !at) return;
    const { clientWidth, clientHeight } = box.current;
    box.current.scrollTo(
      at.x + sizes.width > clientWidth ? at.x - (clientWidth - sizes.width) / 2 : 0,
      at.y + sizes.height > clientHeight ? at.y - (clientHeight - sizes.height) / 2 : 0,
    );
    look();
  }, [root.id, sizes]);
  useLayoutEffect(() => {
    if (!isMoving.current) return;
    isMoving.current = false;
    /** @type {HTMLElement | null | undefined} */ (box.current?.querySelector('[role=treeitem][tabindex="0"]'))?.focus();
  }, [focused]);

  const press = (/** @type {KeyboardEvent} */ event) => {
    const node = placed[index]?.node;
    if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    const isFolded = folded.has(node.id);
    const isBranch = node.effects.length > 0;
    if (key === 'Enter') onOpen(node.id);
    else if (key === ' ' && isBranch) onFold(node.id);
    else if (key === 'ArrowRight' && isBranch && isFolded) onFold(node.id);
    else {
      const to = towards(key, placed, index, sizes);
      if (!to) return;
      isMoving.current = true;
      setFocused(to.node.id);
    }
    event.preventDefault();
  };
  const choose = (/** @type {string} */ id) => {
    setFocused(id);
    onOpen(id);
  };
  const lines = useMemo(
    () => html`<${Lines} placed=${placed} path=${path} sizes=${sizes} width=${width} height=${height} />`,
    [placed, path],
  );
  return html`<div class=${`tree ${sizes === NARROW ? 'narrow' : 'wide'}`} ref=${box} onScroll=${look}>
    <div class="all" role="tree" aria-label="What led to what" style=${{ width: `${width}px`, height: `${height}px` }} onKeyDown=${press}>
      ${lines}
      ${seen.map(
        ({ node, x, y }) =>
          html`<${Card} key=${node.id} node=${node} x=${x} y=${y} hue=${hueOf(node.what.event?.topic ?? '')}
            label=${labels.get(node.id) ?? ''} since=${sinceOf(node, start)} isOpen=${node.id === open}
            isStop=${node === placed[index]?.node} isFolded=${folded.has(node.id)} sizes=${sizes}
            onChoose=${choose} onFold=${onFold} />`,
      )}
    </div>
  </div>`;
}

/** Heights are looked at in steps, pixels, and cards are there this far beyond what can be seen. */
const [STEP, AROUND] = [200, 400];

/**
 * From where to where a box shows what is in it, and how to look again.
 *
 * @param {{current: HTMLElement | null}} box
 * @returns {[[number, number], () => void]}
 */
function useSpan(box) {
  const [[top, height], set] = useState(/** @type {[number, number]} */ ([0, 1000]));
  const look = useCallback(() => {
    const { scrollTop = 0, clientHeight = 0 } = box.current ?? {};
    const now = /** @type {[number, number]} */ ([Math.floor(scrollTop / STEP) * STEP, clientHeight]);
    set((before) => (before[0] === now[0] && before[1] === now[1] ? before : now));
  }, []);
  useEffect(() => {
    const seen = new ResizeObserver(look);
    if (box.current) seen.observe(box.current);
    return () => seen.disconnect();
  }, []);
  return [[top - AROUND, top + height + STEP + AROUND], look];
}

/**
 * How long after the first event a node's was.
 *
 * @param {Node} node
 * @param {string | null} start
 */
function sinceOf({ what: { event } }, start) {
  if (!event || start === null) return '';
  return event.position === start ? 'start' : `+${between(start, event.position)}`;
}

/**
 * @param {{placed: Placed[], path: Set<string>, sizes: import('../core/tree.js').Sizes, width: number, height: number}} props
 */
function Lines({ placed, path, sizes, width, height }) {
  const byId = new Map(placed.map((one) => [one.node, one]));
  const lines = { plain: '', inferred: '', path: '', 'path inferred': '' };
  for (const to of placed) {
    const from = to.node.parent && byId.get(to.node.parent);
    if (!from) continue;
    const isOnPath = path.has(to.node.id);
    const isInferred = to.node.what.inferred !== undefined;
    const kind = isOnPath ? (isInferred ? 'path inferred' : 'path') : isInferred ? 'inferred' : 'plain';
    lines[kind] += line(from, to, sizes);
  }
  return html`<svg width=${width} height=${height} aria-hidden="true">
    ${Object.entries(lines).map(([kind, d]) => d && html`<path key=${kind} class=${kind} d=${d} />`)}
  </svg>`;
}
