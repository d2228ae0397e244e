import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** What the programs check with. What is not as it should be ends the program: main throws. */
final class Check {
    static final String HOST = System.getenv("REDIS_HOST");
    static final int PORT = Integer.parseInt(System.getenv("REDIS_PORT"));

    /** In seconds: at most this long for anything that is about to happen. */
    static final int PATIENCE = 30;

    private Check() {
    }

    interface Action {
        void run() throws Exception;
    }

    static void same(String what, Object got, Object want) {
        if (!Objects.deepEquals(got, want)) {
            throw new AssertionError(what + ": got " + got + ", want " + want);
        }
    }

    static void that(String what, boolean holds) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    /** Runs what must end with an exception of this type, whose message begins so. */
    static void refused(String what, Class<? extends Exception> type, String message, Action action) {
        try {
            action.run();
        } catch (Exception caught) {
            that(what + ": got " + caught, type.isInstance(caught) && caught.getMessage().startsWith(message));
            return;
        }
        throw new AssertionError(what + ": not refused with " + message);
    }

    static void until(String what, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE);
        while (!condition.call()) {
            that("not within " + PATIENCE + " s: " + what, System.nanoTime() < deadline);
            Thread.sleep(1);
        }
    }

    static <T> T within(Future<T> future) throws Exception {
        return future.get(PATIENCE, TimeUnit.SECONDS);
    }

    /** Runs it in a thread that does not keep the program from ending. */
    static <T> CompletableFuture<T> start(Callable<T> work) {
        CompletableFuture<T> future = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                future.complete(work.call());
            } catch (Throwable thrown) {
                future.completeExceptionally(thrown);
            }
        });
        thread.setDaemon(true);
        thread.start();
        return future;
    }

    static String field(String info, String name) {
        return info.lines().filter(line -> line.startsWith(name + ":")).findFirst().orElseThrow()
                .substring(name.length() + 1).strip();
    }

    static void run(String name, Action check) throws Exception {
        long begin = System.nanoTime();
        try {
            check.run();
        } catch (Throwable thrown) {
            throw new AssertionError(name + " failed", thrown);
        }
        System.out.printf("%s: %.2f s%n", name, (System.nanoTime() - begin) / 1e9);
    }
}
