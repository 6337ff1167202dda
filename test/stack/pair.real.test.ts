import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStack, type Stack } from '../../stack/index.js';

describe('an HA pair of NameNodes and a ZooKeeper ensemble', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ label: 'test', flink: 'none', kafka: false, nameNodes: 2, zooKeepers: 3 });
  });
  afterAll(() => stack?.stop());

  it('goes on with the other NameNode and the same files', async () => {
    await stack.hdfs.files.write('/tmp/kept', 'still here');
    await stack.server('namenode-1').kill();
    await expect(stack.hdfs.files.stat('/tmp/kept')).rejects.toThrow('no NameNode is active');
    await stack.hdfs.command('haadmin', '-transitionToActive', '--forceactive', 'nn2');
    await stack.nameNodeUsable();
    expect((await stack.hdfs.files.read('/tmp/kept')).toString()).toBe('still here');
    await stack.server('namenode-1').start();
    expect(await stack.hdfs.command('haadmin', '-getServiceState', 'nn1')).toContain('standby');
  });

  it('serves without one ZooKeeper, but not without two', async () => {
    const [first, second, third] = [1, 2, 3].map((n) => stack.server(`zookeeper-${n}`));
    await first?.kill();
    await second?.ready();
    await third?.ready();
    await second?.kill();
    await second?.start({ wait: false });
    await second?.ready();
  });
});
