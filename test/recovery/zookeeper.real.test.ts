/** ZooKeeper loses its quorum, or Flink its session, before and during a recovery. Three members, real systems. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { until, type Server } from '../../stack/index.js';
import { fourLetters } from '../../stack/zookeeper.js';
import { trials, type Trial } from '../support/trial.js';
import { deleteAll } from '../support/zk-cli.js';

const { stack, flink, trial } = trials({ zooKeepers: 3 });

const SUBMISSION = /POST \/jars\/[^ ]+\/run/;
const newestOf = async (it: Trial): Promise<string> =>
  (await it.flink.checkpoints(it.run)).newest?.path ?? 'none';
const two = () => [stack().server('zookeeper-1'), stack().server('zookeeper-2')];
const loseQuorum = () => Promise.all(two().map((member) => member.kill()));
/** With a new JobManager: after a short loss of the quorum Flink 1.20 was seen to wait for its own leadership for ever. */
async function bringQuorumBack(): Promise<void> {
  const jobManager = stack().server('jobmanager');
  await jobManager.kill();
  await Promise.all(two().map((member) => member.start()));
  await jobManager.start();
}
/** As an administrator does it, while no JobManager runs. */
const forget = (znode: string) => deleteAll(stack().endpoints.zookeeper ?? '', znode);
/** What the watch has seen outlives the JobManager, which forgets a failed job. */
const ledgerSawIt = (it: Trial): Promise<true> =>
  until(
    'the watch has seen it FAILED',
    async () => (await it.client.ledger('trial'))?.['window-counts']?.runs[0]?.state === 'FAILED' && true,
  );
/** With a budget of restarts a lost leadership suspends the job, as with Flink's default. */
const RESTARTS = {
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '1000',
  'restart-strategy.fixed-delay.delay': '500 ms',
};

describe('the quorum is lost', () => {
  test('while the job runs: Flink suspends it and brings it back by itself; nothing is submitted', async () => {
    const it = await trial({ flinkConfiguration: RESTARTS });
    await loseQuorum();
    await it.alert();
    await it.failedWith('HaStoreUnavailable');
    await bringQuorumBack();
    expect(await it.ended()).toMatchObject({ outcome: 'healthy', restored: null });
    expect(await it.states()).toEqual(['RUNNING']);
    await it.countsAreRight();
  });

  test('when the job is lost already: nobody knows whether Flink still holds it, so nothing is submitted before it is back', async () => {
    const it = await trial();
    await it.lose();
    const point = await newestOf(it);
    await ledgerSawIt(it);
    await loseQuorum();
    await it.alert();
    await it.failedWith('HaStoreUnavailable');
    expect((await it.status()).restored).toBeNull();
    await bringQuorumBack();
    const resumed = await it.phaseIs('resumed');
    expect(resumed.restored?.point).toBe(point);
    expect((await it.states()).filter((state) => state === 'RUNNING')).toHaveLength(1);
    await it.countsAreRight();
  });

  test('while the submission is on its way: whatever became of it, one run lives in the end, with right counts', async () => {
    const it = await trial({ through: ['flink'] });
    await it.lose();
    await ledgerSawIt(it);
    await it.proxy.flink.set({ is: 'hold' }, SUBMISSION);
    await it.alert();
    await until('the submission is on its way', () =>
      it.proxy.flink.received().some((text) => SUBMISSION.test(text)),
    );
    await loseQuorum();
    await it.proxy.flink.set({ is: 'none' });
    await it.failedWith('SubmitInDoubt', 'HaStoreUnavailable', 'FlinkUnavailable', 'FlinkRestarting');
    await bringQuorumBack().catch(async (error: unknown) => {
      // The member that was left wrote the job graph into its log, and Flink took the jar away again: no JobManager
      // starts with such a graph, until a person removes it.
      const log = await stack().server('jobmanager').logs(200);
      const half = /Could not start recovered job ([0-9a-f]{32})/.exec(log)?.[1];
      if (half === undefined || !log.includes(`/blob/job_${half}/`)) throw error;
      expect((await it.status()).restored).toBeNull();
      const { haRoot, clusterId } = stack().flink.places;
      await forget(`${haRoot}${clusterId}/jobgraphs/${half}`);
      await stack().server('jobmanager').start();
    });
    const resumed = await it.phaseIs('resumed');
    const alive = (await flink().jobs()).filter(({ name, state }) => name === it.name && state === 'RUNNING');
    expect(alive.map(({ jid }) => jid)).toEqual([resumed.restored?.run]);
    await it.countsAreRight();
  });
});

/**
 * A follower to which the JobManager is not connected. With the leader, or with its own member, the JobManager loses its
 * leadership for a moment, and a job that is submitted just then may reach the dispatcher that is being stopped.
 */
async function spareMember(): Promise<Server> {
  const log = await readFile(stack().server('jobmanager').logFiles[0] ?? '', 'utf8');
  const own = [...log.matchAll(/Session establishment complete on server \S+:(\d+),/g)].at(-1)?.[1];
  const ports = (stack().endpoints.zookeeper ?? '').split(',').map((address) => address.split(':')[1]);
  for (const [at, port] of ports.entries()) {
    const follows = (await fourLetters('srvr', Number(port))).includes('Mode: follower');
    if (follows && port !== own) return stack().server(`zookeeper-${at + 1}`);
  }
  throw new Error(`expected a follower other than ${own}, found none in ${ports.join(', ')}`);
}

describe('one member of three dies, a follower that the JobManager does not use', () => {
  test('nobody notices: restored in the first attempt', async () => {
    const it = await trial();
    await it.lose();
    const point = await newestOf(it);
    await (await spareMember()).kill();
    await it.alert();
    const resumed = await it.resumedFrom(point);
    expect(resumed.failures).toEqual([]);
  });
});

describe('the pointers are lost while ZooKeeper still holds the job', () => {
  test('Flink starts the same run over from nothing: named blank although its ids go on, asked, never the truth', async () => {
    const it = await trial({ checkpoints: 4 });
    await until(
      'the watch knows a checkpoint',
      async () => ((await it.client.ledger('trial'))?.['window-counts']?.points.length ?? 0) > 0,
    );
    const jobManager = stack().server('jobmanager');
    await jobManager.kill();
    const { haRoot, clusterId } = stack().flink.places;
    await forget(`${haRoot}${clusterId}/jobs/${it.run}/checkpoints`);
    await jobManager.start();
    await it.alert();
    const asking = await it.phaseIs('asking');
    expect(asking.situation?.is).toBe('blank');
    expect(asking.question).toMatchObject({ about: 'blank run', approves: null });
    expect(asking.restored).toBeNull();
    expect((await flink().checkpoints(it.run)).restored).toBeUndefined();
  });
});
