internal import CCurl
internal import Glibc
internal import HTTPText
internal import MusterCore

/// One libcurl easy handle with its error text; used for one transfer after the other, on the engine's thread alone.
final class EasyHandle {
    let pointer: UnsafeMutableRawPointer
    private let errorText: UnsafeMutablePointer<CChar>

    init() {
        guard let pointer = curl_easy_init() else { fatalError("curl_easy_init failed: out of memory") }
        self.pointer = pointer
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_easy_cleanup(pointer)
        errorText.deallocate()
    }

    /// Forgets every option; connections and name cache belong to the multi handle and stay.
    func reset() {
        curl_easy_reset(pointer)
        errorText[0] = 0
    }

    func message(of code: CURLcode) -> String {
        let text = String(cString: errorText)
        return text.isEmpty ? String(cString: curl_easy_strerror(code)) : text
    }

    func set(_ option: CURLoption, _ value: Int) { check(option, muster_curl_set_long(pointer, option, value)) }

    func set(_ option: CURLoption, bytes value: Int) {
        check(option, muster_curl_set_size(pointer, option, curl_off_t(value)))
    }

    func set(_ option: CURLoption, _ value: String) {
        check(option, WireText.withCString(value) { muster_curl_set_string(pointer, option, $0) })
    }

    func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) {
        check(option, muster_curl_set_pointer(pointer, option, value))
    }

    /// Milliseconds rounded up, at least one: zero would mean "no limit" to libcurl.
    func set(_ option: CURLoption, milliseconds duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let limit = Int64(Int32.max)
        let whole = min(max(seconds, 0), limit / 1000) * 1000
        let ms = whole + max(0, (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
        set(option, Int(min(max(ms, 1), limit)))
    }

    private func check(_ option: CURLoption, _ code: CURLcode) {
        // Only a libcurl without the option (older than 7.85) or out of memory gets here: no setting may be silently absent.
        precondition(code == CURLE_OK, "libcurl refused option \(option.rawValue): \(message(of: code))")
    }

    func callbacks(for transfer: Transfer) {
        let box = Unmanaged.passUnretained(transfer).toOpaque()
        set(CURLOPT_ERRORBUFFER, UnsafeMutableRawPointer(errorText))
        set(CURLOPT_PRIVATE, box)
        set(CURLOPT_WRITEDATA, box)
        muster_curl_on_write(pointer, onBody)
        set(CURLOPT_HEADERDATA, box)
        muster_curl_on_header(pointer, onHeader)
        set(CURLOPT_PREREQDATA, box)
        muster_curl_on_prerequest(pointer, onPrerequest)
        set(CURLOPT_OPENSOCKETDATA, box)
        muster_curl_on_open_socket(pointer, onOpenSocket)
    }

    func uploadCallbacks(for transfer: Transfer) {
        let box = Unmanaged.passUnretained(transfer).toOpaque()
        set(CURLOPT_READDATA, box)
        muster_curl_on_read(pointer, onRead)
        set(CURLOPT_SEEKDATA, box)
        muster_curl_on_seek(pointer, onSeek)
    }
}

private func transfer(_ box: UnsafeMutableRawPointer?) -> Transfer {
    Unmanaged<Transfer>.fromOpaque(box!).takeUnretainedValue()
}

private func onBody(_ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ box: UnsafeMutableRawPointer?)
    -> Int
{
    switch transfer(box).receiveBody(UnsafeRawBufferPointer(start: bytes, count: size * count)) {
    case .taken: size * count
    case .pause: Int(CURL_WRITEFUNC_PAUSE)
    case .abort: size * count == 0 ? 1 : 0
    }
}

private func onHeader(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ box: UnsafeMutableRawPointer?
) -> Int {
    transfer(box).receiveHeader(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
}

private func onRead(_ room: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ box: UnsafeMutableRawPointer?)
    -> Int
{
    let transfer = transfer(box)
    guard let upload = transfer.upload else { return Int(CURL_READFUNC_ABORT) }
    transfer.noteActivity()
    switch upload.read(into: UnsafeMutableRawBufferPointer(start: room, count: size * count)) {
    case .bytes(let count): return count
    case .end: return 0
    case .pause:
        transfer.isSendingPaused = true
        return Int(CURL_READFUNC_PAUSE)
    case .failed(let why):
        transfer.failure = transfer.error(.other, why, isRetryable: false)
        return Int(CURL_READFUNC_ABORT)
    }
}

private func onSeek(_ box: UnsafeMutableRawPointer?, _ offset: curl_off_t, _ origin: CInt) -> CInt {
    guard origin == SEEK_SET, let upload = transfer(box).upload, upload.rewind(to: Int(offset)) else {
        return CURL_SEEKFUNC_FAIL
    }
    return CURL_SEEKFUNC_OK
}

private func onPrerequest(
    _ box: UnsafeMutableRawPointer?, _ remoteAddress: UnsafeMutablePointer<CChar>?,
    _ localAddress: UnsafeMutablePointer<CChar>?, _ remotePort: CInt, _ localPort: CInt
) -> CInt {
    transfer(box).mayBegin() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
}

/// As libcurl would, but closed in programs that this process starts.
private func onOpenSocket(
    _ box: UnsafeMutableRawPointer?, _ purpose: curlsocktype, _ address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
    guard let address else { return CURL_SOCKET_BAD }
    if let mayConnect = transfer(box).mayConnect {
        guard let number = ipAddress(address), mayConnect(number) else {
            transfer(box).failure = transfer(box).error(.connect, "its address is none that may be called")
            return CURL_SOCKET_BAD
        }
    }
    let type = address.pointee.socktype | CInt(SOCK_CLOEXEC.rawValue)
    return socket(address.pointee.family, type, address.pointee.protocol)
}

/// libcurl's structure ends in a `sockaddr` that may be longer than C declares it. Nil for what is no IP address.
private func ipAddress(_ address: UnsafeMutablePointer<curl_sockaddr>) -> IPAddress? {
    guard let offset = MemoryLayout<curl_sockaddr>.offset(of: \.addr) else { return nil }
    let start = UnsafeRawPointer(address) + offset
    switch address.pointee.family {
    case AF_INET:
        let number = start.loadUnaligned(as: sockaddr_in.self).sin_addr
        return IPAddress(bytes: withUnsafeBytes(of: number) { Array($0) })
    case AF_INET6:
        let number = start.loadUnaligned(as: sockaddr_in6.self).sin6_addr
        return IPAddress(bytes: withUnsafeBytes(of: number) { Array($0) })
    default: return nil
    }
}
