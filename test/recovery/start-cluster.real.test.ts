/** Nothing starts a JobManager again: the command of the configuration does, when a person agrees. On the real systems. */
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { trials } from '../support/trial.js';

const { stack, trial } = trials();

/** The command runs on a worker's machine, and what it tells starts the JobManager, as a service manager does. */
const COMMAND = 'fetch(process.argv[1], { method: "POST" }).then(({ ok }) => process.exit(ok ? 0 : 1))';
let told = 0;
let manager: HttpServer;

beforeAll(async () => {
  manager = createServer((_request, response) => {
    told++;
    stack()
      .server('jobmanager')
      .start({ wait: false })
      .then(
        () => response.end(),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
  });
  await new Promise<void>((resolve) => manager.listen(0, '127.0.0.1', resolve));
});
afterAll(() => new Promise((resolve) => manager.close(resolve)));

test('a JobManager that nobody starts is named after three minutes, started once on approval, and brings the job back by itself', async () => {
  const url = `http://127.0.0.1:${(manager.address() as AddressInfo).port}/`;
  const it = await trial({
    configure: ({ clusters }) =>
      Object.assign(clusters['trial'] ?? {}, { startCluster: [process.execPath, '-e', COMMAND, url] }),
  });
  await stack().server('jobmanager').kill();
  await it.alert();
  const asking = await it.phaseIs('asking', 240_000);
  expect(asking.situation).toMatchObject({ is: 'dead-end' });
  expect(asking.question).toMatchObject({
    about: 'dead end',
    approves: expect.stringMatching(/^start the JobManager with startCluster/) as string,
  });
  expect(asking.failures).toEqual([]);
  expect(told).toBe(0);

  await it.client.approve('window-counts', {
    ...{ by: 'test', reason: 'nothing else starts it', question: asking.question?.id ?? '' },
  });
  expect(await it.ended()).toMatchObject({ outcome: 'healthy', restored: null });
  expect(told).toBe(1);
  expect((await it.steps()).filter(({ step }) => step === 'restoreJob')).toEqual([]);
  expect(await it.states()).toEqual(['RUNNING']);
  const { starts } = await it.status();
  expect(starts).toMatchObject([{ run: it.run, leader: it.flink.base }]);
  await it.countsAreRight();
}, 480_000);
