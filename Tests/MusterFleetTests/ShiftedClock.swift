import Glibc
import MusterLaunch
import MusterTestKit

/// A wall clock that a test sets, for the processes that it starts with it, and no other's: a library that is loaded before the C library
/// adds seconds to what that says. The monotonic clock is as it is.
///
/// libfaketime would do the same, but changes where the environment is, by which Swift finds a program's arguments.
final class ShiftedClock {
    private let folder: ScratchFolder
    private var file: String { folder.path + "/seconds" }
    /// To be added to a process's environment.
    var environment: [String: String] { ["LD_PRELOAD": folder.path + "/clock.so", "CLOCK_SHIFT_FILE": file] }
    /// The same, as a shell has it.
    var shell: String { "export " + environment.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ") }

    private static let source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <fcntl.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/time.h>
        #include <time.h>

        static volatile long long *shift;

        __attribute__((constructor)) static void begin(void) {
            const char *path = getenv("CLOCK_SHIFT_FILE");
            int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
            void *place = file < 0 ? MAP_FAILED : mmap(0, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
            if (place != MAP_FAILED) shift = place;
        }

        int clock_gettime(clockid_t clock, struct timespec *now) {
            static int (*real)(clockid_t, struct timespec *);
            if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
            int code = real(clock, now);
            if (code == 0 && shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *shift;
            return code;
        }

        int gettimeofday(struct timeval *restrict now, void *restrict zone) {
            struct timespec exact;
            (void)zone;
            if (clock_gettime(CLOCK_REALTIME, &exact) != 0) return -1;
            now->tv_sec = exact.tv_sec;
            now->tv_usec = exact.tv_nsec / 1000;
            return 0;
        }

        time_t time(time_t *place) {
            struct timespec now;
            if (clock_gettime(CLOCK_REALTIME, &now) != 0) return (time_t)-1;
            if (place) *place = now.tv_sec;
            return now.tv_sec;
        }
        """

    /// Throws `FleetError` where it cannot be built: the compiler is the one that builds the C modules of this package.
    init() async throws {
        folder = try ScratchFolder()
        try folder.write(Array(Self.source.utf8), to: "clock.c")
        try set(seconds: 0)
        let compiler = try ChildProcess(
            executable: "clang",
            arguments: ["-shared", "-fPIC", "-O1", "-o", folder.path + "/clock.so", folder.path + "/clock.c", "-ldl"])
        let status = await compiler.wait(atMost: .seconds(60))
        guard status == .exited(0) else {
            throw FleetError("clang cannot build \(folder.path)/clock.c: \(String(describing: status))")
        }
    }

    /// From now on the wall clock is so far from the machine's, for all of them at one moment.
    func set(seconds: Int) throws {
        let bytes = withUnsafeBytes(of: Int64(seconds)) { Array($0) }
        let descriptor = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        defer { close(descriptor) }
        // In place: it is mapped.
        guard descriptor >= 0, write(descriptor, bytes, bytes.count) == bytes.count else {
            throw FleetError("\(file) cannot be written: \(String(cString: strerror(errno)))")
        }
    }

    func remove() { folder.remove() }
}
