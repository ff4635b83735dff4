internal import Glibc
internal import Synchronization

/// Prints what was measured: a line for people, and whether the goal was met.
final class Report: Sendable {
    private let options: Options
    private let missed = Mutex<[String]>([])

    init(_ options: Options) { self.options = options }

    func describeMachine() {
        var system = utsname()
        uname(&system)
        let model = (readText("/proc/cpuinfo") ?? "").split(separator: "\n").first { $0.hasPrefix("model name") }
        let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        print("machine: \(cores) cores,\(model.map { $0.split(separator: ":").last! } ?? " unknown processor")")
        print(
            "kernel: Linux \(text(&system.release))\(options.isSmoke ? "; smoke mode: the figures mean nothing" : "")")
    }

    private func text<T>(_ field: inout T) -> String {
        withUnsafeBytes(of: &field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    func begin(_ benchmark: Benchmark) { print("\n\(benchmark.name): \(benchmark.about)") }

    func line(_ text: String) { print("  \(text)") }

    /// Says whether a goal was met. In smoke mode nothing is judged.
    func goal(_ text: String, isMet: Bool) {
        if options.isSmoke { return line("goal: \(text) (not judged)") }
        line("goal: \(text): \(isMet ? "met" : "MISSED")")
        if !isMet { missed.withLock { $0.append(text) } }
    }

    func close() {
        if options.isSmoke { return print("\nevery benchmark ran; nothing was judged") }
        let missed = missed.withLock { $0 }
        print(missed.isEmpty ? "\nall goals met" : "\nmissed: \(missed.joined(separator: "; "))")
    }
}

func readText(_ path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(file, &piece, piece.count)
        guard count > 0 else { break }
        bytes += piece[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// Seconds on a monotonic clock.
func seconds() -> Double {
    let (whole, atto) = (ContinuousClock.now - epoch).components
    return Double(whole) + Double(atto) / 1e18
}
private let epoch = ContinuousClock.now

/// That all threads of this process have computed so far.
func ownProcessorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// The value below which so many of a hundred lie.
func percentile(_ values: [Double], _ percent: Double) -> Double {
    let sorted = values.sorted()
    return sorted[min(sorted.count - 1, Int(Double(sorted.count) * percent / 100))]
}

/// A number with three significant digits or so.
func short(_ value: Double) -> String {
    if abs(value) >= 1_000_000 { return "\((value / 10_000).rounded() / 100)M" }
    if abs(value) >= 10_000 { return "\(Int(value / 1_000))k" }
    if abs(value) >= 100 { return "\(Int(value.rounded()))" }
    return "\((value * 1_000).rounded() / 1_000)"
}

/// One whole line at once: standard output is often a pipe, and a benchmark is watched while it runs.
func print(_ text: String) {
    var bytes = Array((text + "\n").utf8)
    _ = bytes.withUnsafeMutableBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}

func unlinkQuietly(_ path: String) { unlink(path) }

func pauseMilliseconds(_ count: UInt32) { usleep(count * 1_000) }
