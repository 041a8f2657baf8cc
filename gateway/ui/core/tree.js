/** A trace as a tree that can be drawn: what is in it, and where each node goes. */

import { topicOf } from './domain.js';

/** @typedef {import('./types.js').Caused} Caused */

/**
 * @typedef {object} Node
 * @property {string} id of the event or the command
 * @property {Caused} what
 * @property {Node | null} parent
 * @property {Node[]} effects
 * @property {number} depth
 * @property {number} below how many nodes are below it
 */

/**
 * @typedef {object} Placed
 * @property {Node} node
 * @property {number} x
 * @property {number} y
 */

/** Beyond this many nodes, branches that do not lead to what was asked for are folded at first. */
export const MANY = 150;

/** How many levels stay open of a tree that has many. */
const OPEN = 2;

/** Sizes, pixels: the style sheet says the same of the cards. A narrow tree is indented, one node a line. */
export const WIDE = { width: 192, height: 54, across: 92, down: 12, margin: 16 };
export const NARROW = { width: 224, height: 54, across: 18, down: 10, margin: 10 };

/** @typedef {typeof WIDE} Sizes */

/**
 * All nodes of a trace, each before its effects.
 *
 * @param {Caused} root
 * @returns {Node[]}
 */
export function nodesOf(root) {
  /** @type {Node[]} */
  const nodes = [];
  const visit = (/** @type {Caused} */ what, /** @type {Node | null} */ parent) => {
    const id = what.event?.id ?? what.id ?? '';
    /** @type {Node} */
    const node = { id, what, parent, effects: [], depth: parent ? parent.depth + 1 : 0, below: 0 };
    nodes.push(node);
    node.effects = what.effects.map((effect) => visit(effect, node));
    node.below = node.effects.reduce((sum, effect) => sum + 1 + effect.below, 0);
    return node;
  };
  visit(root, null);
  return nodes;
}

/**
 * The node and everything above it.
 *
 * @param {Node | null | undefined} node
 */
export function pathTo(node) {
  const path = new Set();
  for (let above = node; above; above = above.parent) path.add(above.id);
  return path;
}

/**
 * The service that did what a command asked for.
 *
 * @param {Node} node
 */
export function serviceOf({ what, effects }) {
  const topic = what.kind === 'command' ? effects[0]?.what.event?.topic : undefined;
  return topic && topicOf(topic)?.service;
}

/**
 * What is folded at first.
 *
 * @param {Node[]} nodes
 * @returns {Set<string>}
 */
export function foldedAtFirst(nodes) {
  if (nodes.length <= MANY) return new Set();
  const path = pathTo(nodes.find(({ what }) => what.asked));
  return new Set(branches(nodes).filter(({ id, depth }) => depth >= OPEN && !path.has(id)).map(({ id }) => id));
}

/**
 * Nodes that can be folded.
 *
 * @param {Node[]} nodes
 */
export const branches = (nodes) => nodes.filter(({ effects }) => effects.length > 0);

/**
 * Where the nodes go that can be seen. What came of a node stands to its right, the first in its line; on a narrow page,
 * below it and indented.
 *
 * @param {Node} root
 * @param {Set<string>} folded
 * @param {Sizes} sizes
 * @returns {{placed: Placed[], width: number, height: number}}
 */
export function lay(root, folded, sizes) {
  const { width, height, across, down, margin } = sizes;
  const step = sizes === WIDE ? width + across : across;
  /** @type {Placed[]} */
  const placed = [];
  let line = 0;
  let deepest = 0;
  const place = (/** @type {Node} */ node) => {
    placed.push({ node, x: margin + node.depth * step, y: margin + line * (height + down) });
    deepest = Math.max(deepest, node.depth);
    const effects = folded.has(node.id) ? [] : node.effects;
    if (sizes !== WIDE || effects.length === 0) line += 1;
    effects.forEach(place);
  };
  place(root);
  return {
    placed,
    width: 2 * margin + deepest * step + width,
    height: 2 * margin + line * (height + down) - down,
  };
}

/**
 * The line from a node to one of its effects.
 *
 * @param {Placed} from
 * @param {Placed} to
 * @param {Sizes} sizes
 */
export function line(from, to, sizes) {
  const middle = to.y + sizes.height / 2;
  if (sizes !== WIDE) {
    const x = from.x + sizes.across / 2;
    return `M${x} ${from.y + sizes.height}V${middle - 6}q0 6 6 6H${to.x}`;
  }
  const right = from.x + sizes.width;
  if (from.y === to.y) return `M${right} ${middle}H${to.x}`;
  const bend = right + 14;
  return `M${right} ${from.y + sizes.height / 2}H${bend - 6}q6 0 6 6V${middle - 6}q0 6 6 6H${to.x}`;
}

/**
 * Where an arrow key leads from a node.
 *
 * @param {string} key
 * @param {Placed[]} placed
 * @param {number} index
 * @param {Sizes} sizes
 * @returns {Placed | undefined}
 */
export function towards(key, placed, index, sizes) {
  const from = placed[index];
  const isParent = (/** @type {Placed} */ other) => other.node === from?.node.parent;
  const isEffect = (/** @type {Placed} */ other) => other.node.parent === from?.node;
  const inColumn = (/** @type {Placed} */ other) => sizes !== WIDE || other.x === from?.x;
  switch (key) {
    case 'ArrowRight':
      return placed.find(isEffect);
    case 'ArrowLeft':
      return placed.find(isParent);
    case 'ArrowDown':
      return placed.slice(index + 1).find(inColumn);
    case 'ArrowUp':
      return placed.slice(0, index).findLast(inColumn);
    case 'Home':
      return placed[0];
    case 'End':
      return placed.at(-1);
    default:
      return undefined;
  }
}
