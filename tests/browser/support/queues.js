// Queues with something in them, which nobody empties: a gateway without services, and commands that died.
import { Retrace, fixture } from './retrace.js';
import { Redis } from './redis.js';
import { until } from './until.js';

const ERROR = 'the warehouse does not answer';

/** How many commands of a service stand where. @param {Retrace} retrace @param {string} service */
export async function queue(retrace, service) {
  const queues = await retrace.get('/api/v1/queues');
  return queues.find((/** @type {{service: string}} */ queue) => queue.service === service);
}

/**
 * Puts commands into a queue, where they stay, and gives their ids in order. Nobody waits for their outcomes.
 * @param {Retrace} retrace
 * @param {Redis} redis
 * @param {string} topic
 * @param {unknown[]} bodies
 */
async function wait(retrace, redis, topic, bodies) {
  const service = `${topic}-service`;
  const { waiting } = await queue(retrace, service);
  for (const [index, body] of bodies.entries()) {
    retrace.ask('POST', `/${topic}`, body).catch(() => {});
    const here = async () => (await queue(retrace, service)).waiting > waiting + index;
    await until(`command ${index + 1} of ${service} waits`, here);
  }
  return (await redis.do('LRANGE', `retrace:queue:${service}`, String(waiting), '-1')).split('\n');
}

/** Has a waiting command claimed by a worker that never ends. @param {Redis} redis @param {string} service @param {string} id */
async function claim(redis, service, id) {
  const worker = 'worker-1';
  await redis.do('LREM', `retrace:queue:${service}`, '1', id);
  await redis.do('RPUSH', `retrace:claimed:${service}:${worker}`, id);
  await redis.do('HSET', `retrace:worker:${worker}`, `claimer-1 ${service}`, `1\n${id}`);
  await redis.do('ZADD', 'retrace:workers', '99999999999999', worker);
}

/** Has a waiting command set aside, as after its last attempt. @param {Redis} redis @param {string} service @param {string} id */
async function kill(redis, service, id) {
  const outcome = JSON.stringify({ status: 'dead', error: ERROR });
  await redis.do('LREM', `retrace:queue:${service}`, '1', id);
  await redis.do('HSET', `retrace:command:${id}`, 'failed', '3', 'error', ERROR, 'outcome', outcome);
  await redis.do('RPUSH', `retrace:dead:${service}`, id);
}

/**
 * The demo's shop on Redis with a gateway and a projector: orders wait, one is claimed, two are dead; customers wait.
 * @param {{roles?: string[]}} [options]
 */
export async function busyShop({ roles = ['gateway', 'projector'] } = {}) {
  const redis = await Redis.start();
  const retrace = await Retrace.up({ store: redis.url, roles, history: fixture('ordershop-demo') });
  const carts = (await retrace.get('/carts')).map((/** @type {{entity_id: string}} */ cart) => cart.entity_id).sort();
  const orders = carts.slice(0, 6).map((/** @type {string} */ cart_id) => ({ cart_id, status: 'CREATED' }));
  const ids = await wait(retrace, redis, 'order', orders);
  const [first = '', second = '', third = ''] = ids;
  await kill(redis, 'order-service', first);
  await kill(redis, 'order-service', second);
  await claim(redis, 'order-service', third);
  const people = ['Ida', 'Jonas'].map((name) => ({ name, email: `${name.toLowerCase()}@shop.example` }));
  await wait(retrace, redis, 'customer', people);
  const remove = async () => {
    await retrace.remove();
    await redis.remove();
  };
  return { retrace, redis, dead: [first, second], claimed: third, waiting: ids.slice(3), remove };
}
