/** ZooKeeper's own command line, as an administrator uses it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { until } from '../../stack/wait.js';
import { classPath, java, jvmFlags } from '../../stack/java.js';

/** @throws with what the program said, when that was a failure. */
async function zkCli(
  server: string,
  command: readonly string[],
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  // Hadoop brings the library that parses the program's arguments; a ZooKeeper server does not need it.
  const args = ['-cp', classPath('hadoop'), 'org.apache.zookeeper.ZooKeeperMain', '-server', server];
  const { stdout, stderr } = await promisify(execFile)(java, [...jvmFlags, ...args, ...command]).catch(
    (error: unknown) => error as { stdout: string; stderr: string },
  );
  if (/KeeperErrorCode = |Exception in thread/.test(stderr)) throw new Error(stderr);
  return { stdout, stderr };
}

/**
 * `deleteall`: the node with all that is below it, also what a killed process has locked. When such a lock ends in the
 * middle of it, nothing is deleted: it is repeated until the node does not exist.
 */
export const deleteAll = (server: string, znode: string): Promise<true> =>
  until(`${znode} is deleted`, async () =>
    (await zkCli(server, ['deleteall', znode])).stderr.includes(`Node does not exist: ${znode}`),
  );

/** The data of a node, of which only what is text can be read. */
export const textOf = async (server: string, znode: string): Promise<string> =>
  (await zkCli(server, ['get', znode])).stdout;

/** The paths of all nodes below this one, and its own. */
export async function everyNode(server: string, root: string): Promise<readonly string[]> {
  const { stdout } = await zkCli(server, ['ls', '-R', root]);
  return stdout.split('\n').filter((line) => line.startsWith(root));
}
