/** Who buys. */

import { html, post, Problem, setQuery, useEffect, useState } from 'retrace';
import { act, Refused } from './clicks.js';
import { customers, customersError, loadCustomers } from './reading.js';

/** @param {{chosen: string | undefined}} props */
export function Customers({ chosen }) {
  const [isAsking, setAsking] = useState(false);
  useEffect(() => {
    loadCustomers(chosen);
  }, []);
  const known = customers.value;
  const error = customersError.value;
  const problem = error && html`<${Problem} error=${error} retry=${() => loadCustomers(chosen)} />`;
  if (known === null) return problem;
  const choose = (/** @type {Event} */ { currentTarget }) =>
    setQuery({ customer: /** @type {HTMLSelectElement} */ (currentTarget).value, cart: null });
  return html`<div class="customers">
    ${known.length > 0 &&
    html`<label>Customer
      <select value=${chosen} onChange=${choose}>
        ${known.map(({ entity_id: id, name }) => html`<option key=${id} value=${id} selected=${id === chosen}>${name}</option>`)}
      </select></label
    >`}
    <button aria-expanded=${isAsking} onClick=${() => setAsking(!isAsking)}>New customer</button>
    ${isAsking && html`<${Newcomer} onDone=${() => setAsking(false)} />`}
    ${problem} <${Refused} place="customers" />
  </div>`;
}

/** @param {{onDone: () => void}} props */
function Newcomer({ onDone }) {
  const enter = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const given = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const row = { name: given.get('name'), email: given.get('email') };
    const made = await act('customers', `New customer ${row.name}`, (heard) => post(['customer'], row, { heard }));
    if (!made) return;
    await loadCustomers(made[0]);
    setQuery({ customer: made[0], cart: null });
    onDone();
  };
  return html`<form onSubmit=${enter}>
    <label>Name <input name="name" autocomplete="off" /></label>
    <label>Mail address <input name="email" autocomplete="off" /></label>
    <button class="main">Create</button>
  </form>`;
}
