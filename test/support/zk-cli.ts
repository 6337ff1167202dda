/** ZooKeeper's own command line, as an administrator uses it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { classPath, java, jvmFlags } from '../../stack/java.js';

/**
 * `deleteall`: the node with all that is below it, also what a killed process has locked.
 * @throws with what the program said, when the node is still there.
 */
export async function deleteAll(server: string, znode: string): Promise<void> {
  // Hadoop brings the library that parses the program's arguments; a ZooKeeper server does not need it.
  const args = ['-cp', classPath('hadoop'), 'org.apache.zookeeper.ZooKeeperMain', '-server', server];
  const { stderr } = await promisify(execFile)(java, [...jvmFlags, ...args, 'deleteall', znode]).catch(
    (error: unknown) => error as { stderr: string; message: string },
  );
  if (/KeeperErrorCode = (?!NoNode)|Exception in thread/.test(stderr)) throw new Error(stderr);
}
