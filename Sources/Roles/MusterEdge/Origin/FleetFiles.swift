internal import MusterHTTP
internal import MusterRoutes

/// Which targets are files of the fleet: a token is asked for before one is given out, from the cache or not.
enum FleetFiles {
    /// The shortest.
    private static let bytesMin = "/files/".utf8.count + 64

    /// By what an origin makes of a target, escapes and doubled slashes included; and by what a server on the way might make of
    /// dots in it.
    static func isOne(_ target: String) -> Bool {
        guard target.utf8.count >= bytesMin, let path = try? RequestTarget(target).path else { return false }
        return FileRoutes.file(path: path) != nil || FileRoutes.file(path: withoutDots(path)) != nil
    }

    /// RFC 3986, 5.2.4.
    private static func withoutDots(_ path: [String]) -> [String] {
        path.reduce(into: []) { kept, segment in
            switch segment {
            case ".": break
            case "..": _ = kept.popLast()
            default: kept.append(segment)
            }
        }
    }
}
