import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Makes many empty files fast: only the NameNode is asked, twice a file (create, complete), by many threads, which share
 * the syncs of its journal. Run from its source with Hadoop's jars and HADOOP_CONF_DIR on the class path.
 *
 * <p>Arguments: threads, then a directory and a count for each directory. Files are named f000000, f000001, ...
 */
public final class MakeFiles {
  public static void main(String[] args) throws Exception {
    FileSystem files = FileSystem.get(new Configuration());
    ExecutorService threads = Executors.newFixedThreadPool(Integer.parseInt(args[0]));
    List<Future<?>> all = new ArrayList<>();
    for (int i = 1; i < args.length; i += 2) {
      Path directory = new Path(args[i]);
      int count = Integer.parseInt(args[i + 1]);
      files.mkdirs(directory);
      AtomicInteger next = new AtomicInteger();
      for (int t = 0; t < Integer.parseInt(args[0]); t++) {
        all.add(
            threads.submit(
                () -> {
                  for (int n = next.getAndIncrement(); n < count; n = next.getAndIncrement()) {
                    files.create(new Path(directory, String.format("f%06d", n)), false).close();
                  }
                  return null;
                }));
      }
    }
    threads.shutdown();
    threads.awaitTermination(1, TimeUnit.HOURS);
    for (Future<?> each : all) each.get();
  }
}
