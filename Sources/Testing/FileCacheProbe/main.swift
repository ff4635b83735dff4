// One of several processes that share a cache of files: `FileCacheProbe CACHE BYTES-MAX SOURCES TARGET ROUNDS [ENDLESS]` puts each file
// of the folder SOURCES, whose names are their SHA-256, into the folder TARGET, in an order of its own, again and again, and prints
// `fetched NAME` for each that it had to fetch. With ENDLESS a fetch never ends, for tests that kill it. Not shipped.

internal import Glibc
internal import MusterAPI
internal import MusterFileCache
internal import MusterSystem

let arguments = CommandLine.arguments
let (sources, target) = (arguments[3], arguments[4])
let cache = try FileCache(folder: arguments[1], bytesMax: UInt64(arguments[2])!, threads: ThreadPool(idleMax: 1))
let isEndless = arguments.count > 6

/// A line at once, whole among those of others.
func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(1, bytes, bytes.count)
}

func readWhole(_ path: String) -> [UInt8] {
    let file = open(path, O_RDONLY)
    precondition(file >= 0, "cannot open \(path)")
    defer { close(file) }
    var (bytes, piece) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 16))
    while true {
        let count = read(file, &piece, piece.count)
        precondition(count >= 0, "cannot read \(path)")
        if count == 0 { return bytes }
        bytes += piece[..<count]
    }
}

for round in 0..<Int(arguments[5])! {
    for name in listDirectory(sources).shuffled() {
        let place = "\(target)/\(getpid())-\(round)-\(name)"
        let bytes = readWhole("\(sources)/\(name)")
        try cache.placeNow(FileDigest(hex: name)!, at: place) { sink in
            say("fetched \(name)")
            for start in stride(from: 0, to: bytes.count, by: 10_000) {
                try sink.write(Array(bytes[start..<min(start + 10_000, bytes.count)]))
                while isEndless { sleep(1) }
            }
        }
        precondition(readWhole(place) == bytes, "\(name) is another")
        unlink(place)
    }
}
say("done")
