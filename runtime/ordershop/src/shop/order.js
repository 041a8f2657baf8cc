/** One order: how far it has come, and what to do next. */

import { Answer, api, confirm, del, get, html, href, Id, post, put, setQuery, useAnswer, useFollowed, useState } from 'retrace';
import { read } from './cart.js';
import { act, Refused } from './clicks.js';
import { costOf, euros } from './reading.js';
import { Steps } from './steps.js';

/** @typedef {import('./steps.js').Step} Step */
/** @typedef {{cart: string, status: string, steps: Step[], shipping: string | null, isDeleted: boolean}} Life */

/** @param {{id: string}} props */
export function Order({ id }) {
  const asked = useAnswer(() => life(id), [id]);
  useFollowed(asked, ({ key, data }) => key === id || data?.order_id === id);
  return html`<div class="order">
    <h3>Order <${Id} value=${id} /> <a href=${href(['history', 'order', id])}>History</a></h3>
    <${Answer} asked=${asked}>
      ${(/** @type {Life | undefined} */ life) =>
        life
          ? html`<${Steps} steps=${life.steps} /><${Next} id=${id} life=${life} />`
          : html`<p class="nothing">There is no such order.</p>`}
    </${Answer}>
    <${Refused} place="order" />
  </div>`;
}

/**
 * @param {string} id
 * @returns {Promise<Life | undefined>}
 */
async function life(id) {
  const { chapters } = await get(api('history', 'order', id), { limit: 100 });
  const last = chapters.at(-1);
  if (!last) return undefined;
  /** @type {Step[]} */
  const steps = [];
  for (const { event, after } of chapters) {
    if (after && after.status !== steps.at(-1)?.status) steps.push({ status: after.status, id: event.id, position: event.position });
  }
  const { referrers } = await get(api('state', 'order', id, 'referrers'));
  const shipping = referrers.find((/** @type {{topic: string}} */ { topic }) => topic === 'shipping');
  const row = last.after ?? last.before;
  return { cart: row.cart_id, status: row.status, steps, shipping: shipping?.key ?? null, isDeleted: !last.after };
}

/** What there is to say or do. @param {{id: string, life: Life}} props */
function Next({ id, life: { cart, status, shipping, isDeleted } }) {
  const ids = useAnswer(() => read(cart), [cart]);
  if (isDeleted) return html`<p class="next">It was deleted. If its stock was still here, it was put back.</p>`;
  const cancel = async () => {
    const sure = await confirm({
      title: 'Delete this order?',
      body: 'Stock that was set aside for it goes back to the shelves.',
      action: 'Delete',
      dangerous: true,
    });
    if (sure) act('order', 'Delete the order', (heard) => del(['order', id], { heard }));
  };
  const deliver = () => {
    const row = { order_id: id, delivered: Math.floor(Date.now() / 1000) };
    if (shipping) act('order', 'Deliver', (heard) => put(['shipping', shipping], row, { heard }));
  };
  const remove = html`<button class="quiet" onClick=${cancel}>Delete</button>`;
  switch (status) {
    case 'IN_STOCK':
    case 'UNCLEARED':
      return html`<${Pay} id=${id} sum=${costOf(ids.answer ?? [])} isReady=${ids.answer !== null}>${remove}</${Pay}>`;
    case 'SHIPPED':
      return html`<p class="next"><button class="main" disabled=${!shipping} onClick=${deliver}>Deliver</button> It is on its way to the customer.</p>`;
    case 'DELIVERED':
      return html`<p class="next"><span>It has arrived. That was the whole way: look at its <a href=${href(['history', 'order', id])}>history</a>, or order something else.</span></p>`;
    case 'OUT_OF_STOCK':
      return html`<p class="next">There was not enough in stock when the order came, so nothing was taken. ${remove}
        <button onClick=${() => setQuery({ order: null })}>Close</button></p>`;
    default:
      return html`<p class="next">The sagas are at work on it. ${remove}</p>`;
  }
}

/** @param {{id: string, sum: number | null, isReady: boolean, children?: any}} props */
function Pay({ id, sum, isReady, children }) {
  const [typed, setTyped] = useState(/** @type {{amount: string, of: number | null} | null} */ (null));
  // What was typed for another sum counts no more.
  const amount = typed?.of === sum ? typed.amount : null;
  const pay = (/** @type {Event} */ event) => {
    event.preventDefault();
    const row = { order_id: id, amount: Number(amount ?? sum) };
    act('order', `Pay ${euros(row.amount)}`, (heard) => post(['billing'], row, { heard }));
  };
  return html`<form class="next" onSubmit=${pay}>
    <label>Amount, € <input type="number" step="1" value=${amount ?? sum ?? ''} disabled=${!isReady}
      onInput=${(/** @type {any} */ { currentTarget }) => setTyped({ amount: currentTarget.value, of: sum })} /></label>
    <button class="main" disabled=${!isReady}>Pay</button>
    <span>It costs <b>${euros(sum)}</b>, no less and no more.</span>
    ${children}
  </form>`;
}
