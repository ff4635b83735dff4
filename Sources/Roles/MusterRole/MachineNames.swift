internal import Glibc
internal import MusterCore

/// How the system calls this machine, in lower case; none where that is no name.
func machineNames() -> Set<String> {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return [] }
    let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard case .name(let own)? = Authority.host(text) else { return [] }
    return [own]
}
