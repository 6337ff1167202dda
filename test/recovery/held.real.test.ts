/**
 * HA data and job results on the HDFS that fails, the JobManager under a supervisor: Flink gives up only in memory, and
 * comes back by itself when HDFS does. Nothing may be submitted meanwhile. On the real systems.
 */
import { describe, expect, test } from 'vitest';
import { until } from '../../stack/index.js';
import { trials, type Trial } from '../support/trial.js';
import { deleteAll, everyNode, textOf } from '../support/zk-cli.js';

const { stack, trial } = trials({ supervisor: true, flinkSettings: { haStorage: 'hdfs' } });

const jobManager = () => stack().server('jobmanager');

/** The JobManager has met the outage and given up at least once more. */
const gaveUp = async (since: number): Promise<unknown> =>
  until(
    'the JobManager gives up',
    () => jobManager().exits.filter(({ code }) => code === 239).length > since,
    {
      within: 120_000,
    },
  );
const given = () => jobManager().exits.filter(({ code }) => code === 239).length;

/** As an administrator does it, while no JobManager runs. */
const forget = (znode: string) => deleteAll(zookeeper(), znode);
const zookeeper = () => stack().endpoints.zookeeper ?? '';

/** Nothing was submitted, ever: a second run would have left its checkpoints, also when every JobManager forgot it. */
async function heldAndHealthy(it: Trial): Promise<void> {
  expect(await it.ended(180_000)).toMatchObject({ outcome: 'healthy', restored: null });
  expect((await it.steps()).filter(({ step }) => step === 'restoreJob')).toEqual([]);
  expect(await it.states()).toEqual(['RUNNING']);
  await it.countsAreRight();
}

/** Each life of it says so again. */
const said = (words: string) =>
  until(`the log says ${words}`, async () => (await jobManager().logs(400)).includes(words));

describe('Flink holds the job in ZooKeeper', () => {
  test('the NameNode dies: the JobManager exits until it is back; watched, nothing submitted', async () => {
    const it = await trial();
    const nameNode = stack().server('namenode');
    const before = given();
    await nameNode.kill();
    await it.alert();
    await gaveUp(before);
    await until('the case says who holds it', async () => (await it.status()).situation?.is === 'held');
    await nameNode.start();
    await heldAndHealthy(it);
  });

  test('HDFS is in safe mode: the same, although every read works', async () => {
    const it = await trial();
    const before = given();
    await stack().hdfs.command('dfsadmin', '-safemode', 'enter');
    try {
      await it.alert();
      await gaveUp(before);
    } finally {
      await stack().hdfs.command('dfsadmin', '-safemode', 'leave');
    }
    await heldAndHealthy(it);
  });

  test('the DataNode and the JobManager die: Flink advises to clean its HA data, and is wrong; watched until it is back', async () => {
    const it = await trial();
    const dataNode = stack().server('datanode');
    const before = given();
    await dataNode.kill();
    await jobManager().kill();
    await it.alert();
    await gaveUp(before);
    await said('Try cleaning the state handle store');
    await dataNode.start();
    await heldAndHealthy(it);
  });

  test('the HA file of the newest checkpoint is lost: nothing submitted while ZooKeeper holds the job; healthy when a person removed the entry', async () => {
    const it = await trial();
    const before = given();
    jobManager().supervise(false);
    await jobManager().kill();
    const { haStorage, clusterId } = stack().flink.places;
    // The newest file may belong to a checkpoint that did not get as far as ZooKeeper.
    const entries = await everyNode(zookeeper(), `/flink${clusterId}/jobs/${it.run}/checkpoints`);
    const newest =
      entries
        .filter((znode) => /\/\d{19}$/.test(znode))
        .toSorted()
        .at(-1) ?? 'none';
    const file = /completedCheckpoint[0-9a-f]{12}/.exec(await textOf(zookeeper(), newest))?.[0];
    await stack().hdfs.files.remove(`${new URL(haStorage).pathname}${clusterId}/${file}`);
    jobManager().supervise(true);
    await it.alert();
    await gaveUp(before);
    await said('Could not retrieve checkpoint');
    expect((await it.status()).restored).toBeNull();
    // As an administrator does it: the JobManager is stopped, the one entry removed, the JobManager started.
    jobManager().supervise(false);
    await jobManager().kill();
    await forget(newest);
    jobManager().supervise(true);
    await heldAndHealthy(it);
  });

  test('the jar of the job is gone from the HA storage: named, with the commands; restored under a new id when a person let Flink forget the run', async () => {
    const it = await trial();
    const before = given();
    jobManager().supervise(false);
    await jobManager().kill();
    const { haStorage, clusterId } = stack().flink.places;
    const jars = `${new URL(haStorage).pathname}${clusterId}/blob/job_${it.run}`;
    for (const { pathSuffix } of (await stack().hdfs.files.list(jars)) ?? [])
      await stack().hdfs.files.remove(`${jars}/${pathSuffix}`);
    jobManager().supervise(true);
    await it.alert();
    await gaveUp(before);
    await said('Could not start recovered job');
    const { question } = await it.phaseIs('asking');
    expect(question).toMatchObject({ about: 'dead end', approves: null });
    const commands = [...(question?.text.matchAll(/deleteall ([^"]+)"/g) ?? [])].map(
      ([, node]) => node ?? '',
    );
    expect(commands).toContain(`/flink${clusterId}/jobgraphs/${it.run}`);
    jobManager().supervise(false);
    await jobManager().kill();
    for (const znode of commands) await forget(znode);
    jobManager().supervise(true);
    const by = { by: 'test', reason: 'Flink has forgotten the run' };
    await it.client.retryNow('window-counts', by);
    // The run was alive when it was seen last: it might have been stopped on purpose.
    const { id } = await until('it asks whether the job is wanted', async () => {
      const now = (await it.status()).question;
      return now?.about === 'vanished' ? now : undefined;
    });
    await it.client.approve('window-counts', { ...by, question: id });
    const resumed = await it.phaseIs('resumed');
    expect(resumed.restored?.run).not.toBe(it.run);
    expect(await it.states()).toEqual(['RUNNING']);
    await it.countsAreRight();
  });
});
