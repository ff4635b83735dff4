internal import Glibc

/// The GPUs that this process may use: what a default that counts them is made of.
package enum GraphicsCards {
    /// Numbers as NVIDIA's driver gives them: those in CUDA_VISIBLE_DEVICES, else of each /dev/nvidiaN.
    package static var usable: [Int] {
        usable(visible: getenv("CUDA_VISIBLE_DEVICES").map { String(cString: $0) }, devices: listDirectory("/dev"))
    }

    static func usable(visible: String?, devices: [String]) -> [Int] {
        let present = devices.compactMap { name in
            name.hasPrefix("nvidia") ? Int(name.dropFirst("nvidia".count)).flatMap { $0 >= 0 ? $0 : nil } : nil
        }.sorted()
        guard let visible else { return present }
        // As CUDA reads it: what comes behind the first that is none does not count. GPUs by their UUIDs have no numbers here.
        let words = visible.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = words.map { Int($0.trimming { $0 == " " }) }
        return numbers.prefix { $0.map { $0 >= 0 } ?? false }.compactMap { $0 }
    }
}

extension Substring {
    fileprivate func trimming(_ isMeant: (Character) -> Bool) -> Substring {
        var rest = drop(while: isMeant)
        while let last = rest.last, isMeant(last) { rest.removeLast() }
        return rest
    }
}
