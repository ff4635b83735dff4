// What libFuzzer, which brings `main`, calls. `make fuzz` builds and runs it; CONTRIBUTING.md says how to add a target.
internal import FuzzTargets
internal import Glibc

/// Set once, before the first input.
nonisolated(unsafe) private var chosen: FuzzTarget?

/// Takes `--target=NAME`, which libFuzzer passes over; `--list` prints the names.
@_cdecl("LLVMFuzzerInitialize")
public func musterFuzzInitialize(
    _ count: UnsafeMutablePointer<CInt>,
    _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>>>
) -> CInt {
    let arguments = (0..<Int(count.pointee)).map { String(cString: words.pointee[$0]) }
    if arguments.contains("--list") {
        for target in FuzzTarget.all { print(target.name) }
        exit(0)
    }
    let named = arguments.first { $0.hasPrefix("--target=") }.map { String($0.dropFirst(9)) } ?? ""
    chosen = FuzzTarget.all.first { $0.name == named }
    guard chosen != nil else {
        let words = "muster-fuzz: there is no target '\(named)'; --list names them\n"
        write(STDERR_FILENO, words, words.utf8.count)
        exit(64)
    }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func musterFuzzTestOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        try chosen!.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
    } catch {
        fatalError("\(chosen!.name): \(error)")
    }
    return 0
}
