import { describe, it } from 'vitest';
import { zookeeperHaStore } from '../../adapters/zookeeper.js';
import type { Call } from '../../adapters/ports.js';
import { type Instead, startFakeZooKeeper, type ZooKeeperRequest } from '../support/fake-zookeeper.js';
import { JuteWriter } from '../support/jute.js';

/** Milliseconds that a busy machine may add to a deadline before a test calls it late. */
const NOISE = 1_500;
const AT = { root: '/flink', clusterId: '/default' };
const NOTHING = { is: 'present', value: { jobs: [], leader: null } };

const instead = (op: string, what: Instead) => (request: ZooKeeperRequest) =>
  request.op === op ? what : undefined;
const html = Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html></html>');
const size = (bytes: number) => {
  const frame = Buffer.alloc(4);
  frame.writeInt32BE(bytes);
  return frame;
};
/** A session's reply that declares a password of 2 GiB. */
const hugePassword = new JuteWriter().int(0).int(4000).long(7n).int(0x7fffffff).frame();
/** A reply to the first read (xid 1) whose data declares 2 GiB. */
const hugeData = new JuteWriter().int(1).long(1n).int(0).int(0x7fffffff).frame();

/** What the member does, at which request, instead of what; and the words by which it is known. */
type Fault = readonly [string, string, Instead, RegExp];

describe.concurrent('a member', () => {
  const faults: readonly Fault[] = [
    ['accepts and never answers', 'connect', 'silence', /no reply|no complete answer/],
    ['accepts and hangs up', 'connect', 'cut', /connection closed|ECONNRESET|CONNECTIONLOSS/],
    ['cuts the answer to the session request', 'connect', 'half', /connection closed/],
    ['drips the answer to the session request', 'connect', 'drip', /no reply|no complete answer/],
    ['is a web server', 'connect', { raw: html }, /not a ZooKeeper reply/],
    ['declares a reply of 2 GiB', 'connect', { raw: size(0x7fffffff) }, /not a ZooKeeper reply/],
    ['declares a negative length', 'connect', { raw: size(-5) }, /not a ZooKeeper reply/],
    ['declares a password of 2 GiB', 'connect', { raw: hugePassword }, /not a ZooKeeper reply/],
    [
      'says that the session has expired',
      'connect',
      { raw: new JuteWriter().int(0).int(0).long(0n).buffer(Buffer.alloc(16)).frame() },
      /refused the session/,
    ],
    ['freezes before the sync', 'multi', 'silence', /no reply|no complete answer/],
    ['hangs up at the sync', 'multi', 'cut', /connection closed|ECONNRESET|CONNECTIONLOSS/],
    ['freezes at a read', 'getData', 'silence', /no reply|no complete answer/],
    ['hangs up at a read', 'getData', 'cut', /connection closed|ECONNRESET|CONNECTIONLOSS/],
    ['cuts a reply', 'getData', 'half', /connection closed|CONNECTIONLOSS/],
    ['drips a reply', 'getData', 'drip', /no reply|no complete answer/],
    ['declares data of 2 GiB', 'getData', { raw: hugeData }, /not a ZooKeeper reply/],
    [
      'answers another question',
      'getData',
      { raw: new JuteWriter().int(999).long(1n).int(0).frame() },
      /connection closed/,
    ],
    [
      'tells of an event nobody watches',
      'getData',
      { raw: new JuteWriter().int(-1).long(1n).int(0).int(77).int(0).text('/x').frame() },
      /could not be read/,
    ],
    [
      'sends a listing that ends too early',
      'getChildren2',
      { raw: new JuteWriter().int(3).long(1n).int(0).int(1_000_000).frame() },
      /could not be read/,
    ],
  ];
  const call = (deadline: number): Call => ({ signal: new AbortController().signal, deadline });

  for (const [what, op, fault, words] of faults) {
    it(`that ${what} is unknown by the deadline`, async ({ expect }) => {
      const fake = await startFakeZooKeeper();
      try {
        fake.set('/flink/default');
        fake.onRequest(instead(op, fault));
        const started = performance.now();
        const reading = await zookeeperHaStore('main', { servers: [fake.address] }).cluster(AT, call(600));
        expect(performance.now() - started).toBeLessThan(600 + 100 + NOISE);
        expect(reading).toMatchObject({
          is: 'unknown',
          because: { code: 'HaStoreUnavailable', message: expect.stringMatching(words) as string },
        });
        await expect.poll(fake.connections).toBe(0);
      } finally {
        await fake.close();
      }
    });

    it(`that ${what} is passed over when another one answers`, async ({ expect }) => {
      const [fake, other] = await Promise.all([startFakeZooKeeper(), startFakeZooKeeper()]);
      try {
        fake.set('/flink/default');
        other.set('/flink/default');
        fake.onRequest(instead(op, fault));
        const store = zookeeperHaStore('main', { servers: [fake.address, other.address] });
        expect(await store.cluster(AT, call(5_000))).toEqual(NOTHING);
        await expect.poll(fake.connections).toBe(0);
      } finally {
        await Promise.all([fake.close(), other.close()]);
      }
    });
  }
});
