// Muster's benchmarks: separate processes, real sockets, real fsyncs, the binary that users run. Figures are ratios to a
// peer or a limit measured in the same run. `--smoke` runs each briefly, to show that it works; its figures mean nothing.

internal import Glibc

var options = Options()
do {
    options = try Options(Array(CommandLine.arguments.dropFirst()))
} catch {
    fail("\(error)")
}
Ending.watchSignals()
let report = Report(options)
report.describeMachine()
do {
    for benchmark in Benchmark.all where options.only == nil || options.only == benchmark.name {
        report.begin(benchmark)
        try await benchmark.run(options, report)
    }
} catch {
    fail("\(error)")
}
report.close()

func fail(_ message: String) -> Never {
    var bytes = Array("muster-bench: \(message)\n".utf8)
    _ = bytes.withUnsafeMutableBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    Ending.endAll()
    exit(1)
}
