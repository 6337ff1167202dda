import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStack, until, type Stack } from '../../stack/index.js';

/** What ZooKeeper says of itself. */
const srvr = (port: number): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('srvr'));
    let answer = '';
    socket.on('data', (data) => (answer += data.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });

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
    const ports = (stack.endpoints.zookeeper ?? '')
      .split(',')
      .map((address) => Number(address.split(':')[1]));
    const serving = async (port: number): Promise<boolean> => (await srvr(port)).includes('Mode:');
    const third = ports[2] ?? 0;
    await stack.server('zookeeper-1').kill();
    await until('the third still serves', () => serving(third));
    await stack.server('zookeeper-2').kill();
    await until('the third has no quorum', async () => (await srvr(third)).includes('not currently serving'));
    await stack.server('zookeeper-1').start();
    await until('the third serves again', () => serving(third));
  });
});
