package trading.velox.example;

/**
 * {@code java -jar java-processor.jar market} tells Velox a market; {@code … fills} counts the fills of its orders.
 *
 * <p>Whatever goes wrong for longer than a moment ends the process with an exception and exit code 1, for its supervisor
 * (systemd, Kubernetes) to start it again: both modes are made so that a new start is always right.
 */
public final class Main {
    /** How long an orderly end may take: less than the 30 s after which Kubernetes kills. */
    private static final long ORDERLY_END_MS = 15_000;

    public static void main(String[] arguments) throws Exception {
        switch (arguments.length == 1 ? arguments[0] : "") {
            case "market" -> Market.run(Settings.read());
            case "fills" -> Fills.run(Settings.read());
            default -> {
                System.err.println("usage: java -jar java-processor.jar market|fills");
                System.exit(2);
            }
        }
    }

    /**
     * On SIGTERM or SIGINT has {@code stop} tell the main thread to finish, and waits until it has. The JVM ends when its
     * shutdown hooks have returned, whatever other threads are doing, so the waiting is what makes the end orderly. The
     * exit code is 143, as for any program that SIGTERM ended. (After kill -9 no hook runs.)
     */
    static void onShutdown(Runnable stop) {
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stop.run();
            try {
                main.join(ORDERLY_END_MS);
            } catch (InterruptedException impatient) {
                Thread.currentThread().interrupt();
            }
        }));
    }

    private Main() {}
}
