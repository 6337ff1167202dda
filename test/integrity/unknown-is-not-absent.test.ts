/**
 * Promise 2. A failed, cut, timed-out, standby, stale, safe-mode or refused read never counts as "not there", and never
 * leads to an older restore point. Here: every single look of a recovery, one after the other, is made to fail.
 */
import { describe, expect, test } from 'vitest';
import type { Ports } from '../../adapters/ports.js';
import { fault, HoldfastError, type Fault } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import { STRICT } from '../../domain/policy.js';
import { unknown } from '../../domain/reading.js';
import { attempt } from '../support/attempt.js';
import { chk, depsOf, fillLog, incident } from '../support/fake-ports.js';

const NEW = runId('b'.repeat(32));
/** Acts and what is no look. */
const NOT_LOOKS = new Set([
  'submit',
  'commitGroup',
  'cancel',
  'savepoint',
  'setAside',
  'owns',
  'now',
  'sleep',
  'close',
]);

/** The ports, counting looks; the k-th of them is answered with the fault. */
function failingAt(
  ports: Ports,
  k: number,
  why: Fault,
): { readonly ports: Ports; readonly looks: () => number } {
  let looks = 0;
  const wrap = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, name: string) {
        const method = Reflect.get(target, name) as unknown;
        if (typeof method !== 'function' || NOT_LOOKS.has(name)) return method;
        return (...args: readonly unknown[]): unknown => {
          if (++looks !== k) return Reflect.apply(method, target, args);
          return name === 'proveUsable'
            ? Promise.reject(new HoldfastError(why))
            : Promise.resolve(unknown(why));
        };
      },
    });
  return {
    looks: () => looks,
    ports: {
      ...ports,
      storageOf: (uri) => {
        const owner = ports.storageOf(uri);
        return 'code' in owner ? owner : { ...owner, storage: wrap(owner.storage) };
      },
      haStore: (name) => wrap(ports.haStore(name)),
      flink: (name) => wrap(ports.flink(name)),
      kafka: (name) => wrap(ports.kafka(name)),
    },
  };
}

async function recoverWithLook(k: number, why: Fault) {
  const world = incident();
  await fillLog(world);
  const deps = depsOf(world);
  const failing = failingAt(deps.ports, k, why);
  const files = new Map(world.files);
  const end = await attempt(
    { ...deps, ports: failing.ports },
    { run: NEW, policy: { ...STRICT, fallback: 'checkpoint' } },
  );
  return { world, end, looks: failing.looks(), files };
}

const CAUSES = [
  fault('StorageUnavailable', 'connection refused'),
  fault('StorageStandby', 'no active NameNode'),
  fault('StorageSafeMode', 'safe mode'),
  fault('BlocksMissing', 'no live DataNode'),
  fault('HaStoreUnavailable', 'no quorum'),
  fault('FlinkUnavailable', 'reset'),
  fault('KafkaUnavailable', 'no leader'),
];

describe('unknown is not absent', () => {
  test('without trouble the newest checkpoint is restored', async () => {
    const { end, looks, world } = await recoverWithLook(0, CAUSES[0] as Fault);
    expect(end).toEqual({ do: 'restored', point: chk(8) });
    expect(looks).toBeGreaterThan(20);
    expect(world.submissions).toHaveLength(1);
  });

  test.each(CAUSES)(
    'whichever look fails with $code, nothing but the newest checkpoint is ever submitted',
    async (why) => {
      const { looks } = await recoverWithLook(0, why);
      let failed = 0;
      for (let k = 1; k <= looks; k++) {
        const { world, end } = await recoverWithLook(k, why);
        for (const submission of world.submissions)
          expect(submission.savepointPath, `look ${k}`).toBe(chk(8));
        expect(['restored', 'fail'], `look ${k}: ${JSON.stringify(end)}`).toContain(end.do);
        if (end.do === 'fail') {
          failed++;
          expect(world.submissions, `look ${k}`).toEqual([]);
        }
      }
      // Most looks decide something: the attempt cannot succeed without them.
      expect(failed).toBeGreaterThan(looks / 2);
    },
  );
});
