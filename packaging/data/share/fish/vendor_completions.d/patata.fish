# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_patata_global_optspecs
    string join \n h/help V/version
end

function __fish_patata_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_patata_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_patata_using_subcommand
    set -l cmd (__fish_patata_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c patata -n "__fish_patata_needs_command" -s h -l help -d 'Print help'
complete -c patata -n "__fish_patata_needs_command" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_needs_command" -f -a "run" -d 'Send a request for each row of an input'
complete -c patata -n "__fish_patata_needs_command" -f -a "resume" -d 'Go on with a run that was interrupted or paused'
complete -c patata -n "__fish_patata_needs_command" -f -a "retry" -d 'Send again what failed in a run'
complete -c patata -n "__fish_patata_needs_command" -f -a "status" -d 'Tell how far a run is'
complete -c patata -n "__fish_patata_needs_command" -f -a "report" -d 'Write the report of a run, a page of HTML'
complete -c patata -n "__fish_patata_needs_command" -f -a "show" -d 'Show what became of one request of a run'
complete -c patata -n "__fish_patata_needs_command" -f -a "set" -d 'Change the limits of a run that is under way'
complete -c patata -n "__fish_patata_needs_command" -f -a "pause" -d 'Have a run that is under way send nothing more, until `patata resume`'
complete -c patata -n "__fish_patata_needs_command" -f -a "get" -d 'Send one GET request and print the body of the response'
complete -c patata -n "__fish_patata_needs_command" -f -a "post" -d 'Send one POST request and print the body of the response'
complete -c patata -n "__fish_patata_needs_command" -f -a "put" -d 'Send one PUT request and print the body of the response'
complete -c patata -n "__fish_patata_needs_command" -f -a "patch" -d 'Send one PATCH request and print the body of the response'
complete -c patata -n "__fish_patata_needs_command" -f -a "delete" -d 'Send one DELETE request and print the body of the response'
complete -c patata -n "__fish_patata_needs_command" -f -a "head" -d 'Send one HEAD request and print the headers of the response'
complete -c patata -n "__fish_patata_needs_command" -f -a "serve" -d 'Serve on this machine what can be asked for in tests'
complete -c patata -n "__fish_patata_needs_command" -f -a "budget" -d 'Hold one limit for all who share it, and tell how it is used'
complete -c patata -n "__fish_patata_needs_command" -f -a "completions" -d 'Print what a shell needs to complete the arguments of this program'
complete -c patata -n "__fish_patata_needs_command" -f -a "man" -d 'Print the manual page'
complete -c patata -n "__fish_patata_using_subcommand run" -l id -d 'The field that a row is known by [default: its place, in JSONL id]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l input-format -d 'The form of the rows [default: what the file\'s name or beginning says]' -r -f -a "lines\t''
jsonl\t''
csv\t''
tsv\t''
parquet\t''"
complete -c patata -n "__fish_patata_using_subcommand run" -l url -d 'The URL, whatever it looks like' -r
complete -c patata -n "__fish_patata_using_subcommand run" -s o -l output -d 'The folder of the run, which can be resumed [default: stdout]' -r -f -a "(__fish_complete_directories)"
complete -c patata -n "__fish_patata_using_subcommand run" -l format -d 'The format of finished parts [default: jsonl]' -r -f -a "jsonl\t''
csv\t''
parquet\t''"
complete -c patata -n "__fish_patata_using_subcommand run" -l compress -d 'Compress finished parts' -r -f -a "zstd\t''
gzip\t''"
complete -c patata -n "__fish_patata_using_subcommand run" -l columns -d 'The columns of CSV and Parquet, as id,status,body.name' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l schema -d 'The types of bodies in Parquet, as \'name=string,tags=list<string>\', or @FILE of JSON' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l part-rows -d 'Rows in a part [default: 100000]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l save-to -d 'Save each body to a file, as "files/{id}.bin"' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l unknown -d 'What a resume does with requests that were sent and whose outcome nobody knows [default: keep]' -r -f -a "keep\t'They stay as they are'
resend\t'They are sent again, and may be done twice'"
complete -c patata -n "__fish_patata_using_subcommand run" -l pages -d 'Follow pages, as cursor:meta.next:after, header-link or auto' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l items -d 'Give each item of a page by itself, as those at data.results' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l pages-allow-origin -d 'Let pages lead to this origin too, which gets the credentials: https://other.example, or any' -r
complete -c patata -n "__fish_patata_using_subcommand run" -s X -l request -d 'The method [default: GET, or POST with a body]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -s H -l header -d 'A header, as "Accept: text/csv"' -r
complete -c patata -n "__fish_patata_using_subcommand run" -s d -l data -d 'The body: JSON if it looks so, else a form; @FILE for a file' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l json -d 'The body as JSON; @FILE for a file' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l form -d 'A field of a form, which is the body (urlencoded)' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l param -d 'A query parameter' -r
complete -c patata -n "__fish_patata_using_subcommand run" -s u -l user -d 'Name and password, as me:env:PASSWORD' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l bearer -d 'A token, as env:VARIABLE, for "Authorization: Bearer"' -r
complete -c patata -n "__fish_patata_using_subcommand run" -s b -l cookie -d 'Cookies, as "name=value; name=value"' -r
complete -c patata -n "__fish_patata_using_subcommand run" -s A -l user-agent -d 'Who is asking [default: patata/VERSION]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l max-redirects -d 'Follow so many redirects at most [default: 10]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l max-response-size -d 'Refuse longer bodies, as 100M [default: 64M]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l max-decompression-ratio -d 'Refuse bodies that unpack to so many times their size [default: 200]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -s c -l concurrency -d 'Requests in flight at once; auto finds out how many are best' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l concurrency-per-host -d 'Requests in flight at once at each host' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l rate -d 'Requests in a time, as 100/s or 600/min; auto is what servers tell' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l rate-per-host -d 'Requests in a time to each host' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l budget -d 'How much of a unit in a time, as tokens=90000/min; or the handle of a budget that is shared, as env:NAME' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l budget-timeout -d 'Wait so long for a shared budget that does not answer [default: 60s]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l budget-per-host -d 'How much of a unit in a time at each host' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l limit-rate -d 'Bytes of bodies in a second, on average, as 500K or 10M' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l workers -d 'Threads that send [default: as many as there are processors]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l queue-max-size -d 'Requests that are held in memory at most [default: 100000]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l cost -d 'What a request costs, by a field of its row or a number, as tokens=prompt_tokens' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l settle -d 'What it did cost, by the response\'s JSON, as tokens=usage.total_tokens' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l max-failures -d 'Stop once more have failed, as 10 or 1% (exit code 3)' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l ok -d 'Statuses that are no failure, as 2xx,404 [default: below 400]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l abort-on -d 'Stop at the first of these statuses (exit code 3)' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l retry -d 'Send again what failed in passing, up to so many times' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l retries -d 'The same as attempts in total: --retries 3 is --retry 2' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l retry-statuses -d 'Statuses that are tried again [default: 408, 425, 429, 5xx save 501 and 505]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l retry-budget -d 'Send again at most such a share of all requests, as 10%; "none" for no limit [default: 10%]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l backoff -d 'The longest wait before the first retry, doubled for each further one [default: 100ms]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l max-backoff -d 'What the doubling stops at [default: 30s]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -s m -l timeout -d 'The longest that one attempt may take [default: 300s]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l connect-timeout -d 'The longest that connecting may take [default: 10s]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l total-timeout -d 'The longest that a request may take with all its retries' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l host-timeout -d 'The longest that a host which has answered before is waited for when it is in trouble [default: 60s]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l deadline -d 'The longest that the whole run may take' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l cache -d 'Keep responses as servers allow it, and use them again; --cache alone means the user\'s own folder' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l cache-mode -d 'How it is used: standard, offline (send nothing), refresh (ask about all), forever' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l cache-max-size -d 'How large it may become; what was stored first goes [default: 10G]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -s x -l proxy -d 'The proxy, as http://HOST:PORT or socks5h://HOST:PORT [default: what HTTP_PROXY and the like say]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l cacert -d 'Trust the authorities in this PEM file instead of the machine\'s' -r -F
complete -c patata -n "__fish_patata_using_subcommand run" -s E -l cert -d 'Show this certificate (PEM) to servers that ask for one' -r -F
complete -c patata -n "__fish_patata_using_subcommand run" -l key -d 'Its key, if that is in a file of its own' -r -F
complete -c patata -n "__fish_patata_using_subcommand run" -l resolve -d 'The addresses of a host, whatever its port, instead of looking its name up' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l unix-socket -d 'Connect to this unix socket, whatever the URL says' -r -F
complete -c patata -n "__fish_patata_using_subcommand run" -l http -d 'The version of HTTP [default: 2 where TLS settles on it, else 1.1]' -r -f -a "1.1\t''
2\t''"
complete -c patata -n "__fish_patata_using_subcommand run" -l tls-min -d 'The oldest version of TLS [default: 1.2]' -r -f -a "1.2\t''
1.3\t''"
complete -c patata -n "__fish_patata_using_subcommand run" -l probe -d 'With --dry-run: send so many of the GETs to tell how long it will take' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l probe-method -d 'With --probe: send requests of this method too' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l canary -d 'Send so many first, and the rest only if these are good enough' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l metrics -d 'Let Prometheus read metrics from this address, as :9100 or 127.0.0.1:9100' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l otlp -d 'Send metrics and traces to an OpenTelemetry collector, as http://localhost:4318' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l trace-sample -d 'With --otlp: the share of requests that become spans, between 0 and 1 [default: 1]' -r
complete -c patata -n "__fish_patata_using_subcommand run" -l log -d 'How it is told on stderr what happens: text, or a line of JSON for each event [default: text]' -r -f -a "text\t'For people'
json\t'A line of JSON for each event'"
complete -c patata -n "__fish_patata_using_subcommand run" -l progress -d 'What is told on stderr meanwhile: auto, bar, plain, json, none' -r -f -a "auto\t'A picture on a terminal, else lines'
bar\t'A picture, five times a second'
plain\t'A line every ten seconds'
json\t'A line of JSON every second'
none\t'Nothing'"
complete -c patata -n "__fish_patata_using_subcommand run" -l config -d 'Read defaults from this file [default: ~/.config/patata/config.toml]' -r -F
complete -c patata -n "__fish_patata_using_subcommand run" -s i -l include -d 'Put the headers of responses into the rows'
complete -c patata -n "__fish_patata_using_subcommand run" -l ordered -d 'Give responses in the order of the input'
complete -c patata -n "__fish_patata_using_subcommand run" -l cookie-jar -d 'Keep the cookies that servers set, and send them back'
complete -c patata -n "__fish_patata_using_subcommand run" -s L -l location -d 'Follow redirects, which is what is done anyway'
complete -c patata -n "__fish_patata_using_subcommand run" -l no-follow-redirects -d 'Take redirects for the responses that they are'
complete -c patata -n "__fish_patata_using_subcommand run" -l no-learn-limits -d 'Ask on where a server says that nothing of its limit remains'
complete -c patata -n "__fish_patata_using_subcommand run" -l retry-non-idempotent -d 'Try again also what may have been done already, as a POST that was answered with 500'
complete -c patata -n "__fish_patata_using_subcommand run" -l idempotency-key -d 'Give each POST and the like a key, by which a server knows it again when it is sent twice'
complete -c patata -n "__fish_patata_using_subcommand run" -l distinct -d 'Send equal requests once; each gets the response to the first of them'
complete -c patata -n "__fish_patata_using_subcommand run" -l if-changed -d 'Leave files of --save-to alone that have not changed on the server'
complete -c patata -n "__fish_patata_using_subcommand run" -l no-proxy -d 'No proxy, whatever the environment says'
complete -c patata -n "__fish_patata_using_subcommand run" -s k -l insecure -d 'Accept any certificate of any server'
complete -c patata -n "__fish_patata_using_subcommand run" -l dry-run -d 'Check the whole input, send nothing, tell what would be done'
complete -c patata -n "__fish_patata_using_subcommand run" -s q -l quiet -d 'Tell nothing but errors'
complete -c patata -n "__fish_patata_using_subcommand run" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand run" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand resume" -l unknown -d 'What to do with requests that were sent and whose outcome nobody knows' -r -f -a "keep\t'They stay as they are'
resend\t'They are sent again, and may be done twice'"
complete -c patata -n "__fish_patata_using_subcommand resume" -s c -l concurrency -d 'Requests in flight at once; auto finds out how many are best' -r
complete -c patata -n "__fish_patata_using_subcommand resume" -l concurrency-per-host -d 'Requests in flight at once at each host' -r
complete -c patata -n "__fish_patata_using_subcommand resume" -l rate -d 'Requests in a time, as 100/s or 600/min; auto is what servers tell' -r
complete -c patata -n "__fish_patata_using_subcommand resume" -l rate-per-host -d 'Requests in a time to each host' -r
complete -c patata -n "__fish_patata_using_subcommand resume" -l budget -d 'How much of a unit in a time, as tokens=90000/min; or the handle of a budget that is shared, as env:NAME' -r
complete -c patata -n "__fish_patata_using_subcommand resume" -l budget-timeout -d 'Wait so long for a shared budget that does not answer [default: 60s]' -r
complete -c patata -n "__fish_patata_using_subcommand resume" -l budget-per-host -d 'How much of a unit in a time at each host' -r
complete -c patata -n "__fish_patata_using_subcommand resume" -l limit-rate -d 'Bytes of bodies in a second, on average, as 500K or 10M' -r
complete -c patata -n "__fish_patata_using_subcommand resume" -l workers -d 'Threads that send [default: as many as there are processors]' -r
complete -c patata -n "__fish_patata_using_subcommand resume" -l queue-max-size -d 'Requests that are held in memory at most [default: 100000]' -r
complete -c patata -n "__fish_patata_using_subcommand resume" -l metrics -d 'Let Prometheus read metrics from this address, as :9100 or 127.0.0.1:9100' -r
complete -c patata -n "__fish_patata_using_subcommand resume" -l otlp -d 'Send metrics and traces to an OpenTelemetry collector, as http://localhost:4318' -r
complete -c patata -n "__fish_patata_using_subcommand resume" -l trace-sample -d 'With --otlp: the share of requests that become spans, between 0 and 1 [default: 1]' -r
complete -c patata -n "__fish_patata_using_subcommand resume" -l log -d 'How it is told on stderr what happens: text, or a line of JSON for each event [default: text]' -r -f -a "text\t'For people'
json\t'A line of JSON for each event'"
complete -c patata -n "__fish_patata_using_subcommand resume" -l progress -d 'What is told on stderr meanwhile: auto, bar, plain, json, none' -r -f -a "auto\t'A picture on a terminal, else lines'
bar\t'A picture, five times a second'
plain\t'A line every ten seconds'
json\t'A line of JSON every second'
none\t'Nothing'"
complete -c patata -n "__fish_patata_using_subcommand resume" -l config -d 'Read defaults from this file [default: ~/.config/patata/config.toml]' -r -F
complete -c patata -n "__fish_patata_using_subcommand resume" -l no-learn-limits -d 'Ask on where a server says that nothing of its limit remains'
complete -c patata -n "__fish_patata_using_subcommand resume" -s q -l quiet -d 'Tell nothing but errors'
complete -c patata -n "__fish_patata_using_subcommand resume" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand resume" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand retry" -l status -d 'Only what was answered with one of these statuses, as 429,5xx' -r
complete -c patata -n "__fish_patata_using_subcommand retry" -l kind -d 'Only what ended in such an error, as timeout or connect; several are separated by commas' -r
complete -c patata -n "__fish_patata_using_subcommand retry" -s c -l concurrency -d 'Requests in flight at once; auto finds out how many are best' -r
complete -c patata -n "__fish_patata_using_subcommand retry" -l concurrency-per-host -d 'Requests in flight at once at each host' -r
complete -c patata -n "__fish_patata_using_subcommand retry" -l rate -d 'Requests in a time, as 100/s or 600/min; auto is what servers tell' -r
complete -c patata -n "__fish_patata_using_subcommand retry" -l rate-per-host -d 'Requests in a time to each host' -r
complete -c patata -n "__fish_patata_using_subcommand retry" -l budget -d 'How much of a unit in a time, as tokens=90000/min; or the handle of a budget that is shared, as env:NAME' -r
complete -c patata -n "__fish_patata_using_subcommand retry" -l budget-timeout -d 'Wait so long for a shared budget that does not answer [default: 60s]' -r
complete -c patata -n "__fish_patata_using_subcommand retry" -l budget-per-host -d 'How much of a unit in a time at each host' -r
complete -c patata -n "__fish_patata_using_subcommand retry" -l limit-rate -d 'Bytes of bodies in a second, on average, as 500K or 10M' -r
complete -c patata -n "__fish_patata_using_subcommand retry" -l workers -d 'Threads that send [default: as many as there are processors]' -r
complete -c patata -n "__fish_patata_using_subcommand retry" -l queue-max-size -d 'Requests that are held in memory at most [default: 100000]' -r
complete -c patata -n "__fish_patata_using_subcommand retry" -l metrics -d 'Let Prometheus read metrics from this address, as :9100 or 127.0.0.1:9100' -r
complete -c patata -n "__fish_patata_using_subcommand retry" -l otlp -d 'Send metrics and traces to an OpenTelemetry collector, as http://localhost:4318' -r
complete -c patata -n "__fish_patata_using_subcommand retry" -l trace-sample -d 'With --otlp: the share of requests that become spans, between 0 and 1 [default: 1]' -r
complete -c patata -n "__fish_patata_using_subcommand retry" -l log -d 'How it is told on stderr what happens: text, or a line of JSON for each event [default: text]' -r -f -a "text\t'For people'
json\t'A line of JSON for each event'"
complete -c patata -n "__fish_patata_using_subcommand retry" -l progress -d 'What is told on stderr meanwhile: auto, bar, plain, json, none' -r -f -a "auto\t'A picture on a terminal, else lines'
bar\t'A picture, five times a second'
plain\t'A line every ten seconds'
json\t'A line of JSON every second'
none\t'Nothing'"
complete -c patata -n "__fish_patata_using_subcommand retry" -l config -d 'Read defaults from this file [default: ~/.config/patata/config.toml]' -r -F
complete -c patata -n "__fish_patata_using_subcommand retry" -l unknown -d 'Also what was sent and whose outcome nobody knows: it may be done twice'
complete -c patata -n "__fish_patata_using_subcommand retry" -l no-learn-limits -d 'Ask on where a server says that nothing of its limit remains'
complete -c patata -n "__fish_patata_using_subcommand retry" -s q -l quiet -d 'Tell nothing but errors'
complete -c patata -n "__fish_patata_using_subcommand retry" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand retry" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand status" -l json -d 'As JSON'
complete -c patata -n "__fish_patata_using_subcommand status" -l watch -d 'Go on telling until the run ends'
complete -c patata -n "__fish_patata_using_subcommand status" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand status" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand report" -l open -d 'Show it in the browser'
complete -c patata -n "__fish_patata_using_subcommand report" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand report" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand show" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand show" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand set" -l rate -d 'Send at most so many in a time, as 50/s; "none" for no limit, "auto" for what servers tell; several hold together' -r
complete -c patata -n "__fish_patata_using_subcommand set" -l budget -d 'Use at most so much of a unit in a time, as tokens=90000/min, in place of all that it has; "none" for no limit' -r
complete -c patata -n "__fish_patata_using_subcommand set" -l concurrency -d 'Have at most so many in flight' -r
complete -c patata -n "__fish_patata_using_subcommand set" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand set" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand pause" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand pause" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand get" -s o -l output -d 'Write the body to a file, and nothing to stdout' -r -F
complete -c patata -n "__fish_patata_using_subcommand get" -l ok -d 'Statuses that are no failure [default: all below 400]' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l pages -d 'Follow pages, as cursor:meta.next:after, header-link or auto' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l items -d 'Give each item of a page by itself, as those at data.results' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l pages-allow-origin -d 'Let pages lead to this origin too, which gets the credentials: https://other.example, or any' -r
complete -c patata -n "__fish_patata_using_subcommand get" -s X -l request -d 'The method [default: GET, or POST with a body]' -r
complete -c patata -n "__fish_patata_using_subcommand get" -s H -l header -d 'A header, as "Accept: text/csv"' -r
complete -c patata -n "__fish_patata_using_subcommand get" -s d -l data -d 'The body: JSON if it looks so, else a form; @FILE for a file' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l json -d 'The body as JSON; @FILE for a file' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l form -d 'A field of a form, which is the body (urlencoded)' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l param -d 'A query parameter' -r
complete -c patata -n "__fish_patata_using_subcommand get" -s u -l user -d 'Name and password, as me:env:PASSWORD' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l bearer -d 'A token, as env:VARIABLE, for "Authorization: Bearer"' -r
complete -c patata -n "__fish_patata_using_subcommand get" -s b -l cookie -d 'Cookies, as "name=value; name=value"' -r
complete -c patata -n "__fish_patata_using_subcommand get" -s A -l user-agent -d 'Who is asking [default: patata/VERSION]' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l max-redirects -d 'Follow so many redirects at most [default: 10]' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l max-response-size -d 'Refuse longer bodies, as 100M [default: 64M]' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l max-decompression-ratio -d 'Refuse bodies that unpack to so many times their size [default: 200]' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l budget -d 'How much of a unit in a time, as tokens=90000/min; or the handle of a budget that is shared, as env:NAME' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l budget-timeout -d 'Wait so long for a shared budget that does not answer [default: 60s]' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l retry -d 'Send again what failed in passing, up to so many times' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l retries -d 'The same as attempts in total: --retries 3 is --retry 2' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l retry-statuses -d 'Statuses that are tried again [default: 408, 425, 429, 5xx save 501 and 505]' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l retry-budget -d 'Send again at most such a share of all requests, as 10%; "none" for no limit [default: 10%]' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l backoff -d 'The longest wait before the first retry, doubled for each further one [default: 100ms]' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l max-backoff -d 'What the doubling stops at [default: 30s]' -r
complete -c patata -n "__fish_patata_using_subcommand get" -s m -l timeout -d 'The longest that one attempt may take [default: 300s]' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l connect-timeout -d 'The longest that connecting may take [default: 10s]' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l total-timeout -d 'The longest that a request may take with all its retries' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l host-timeout -d 'The longest that a host which has answered before is waited for when it is in trouble [default: 60s]' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l deadline -d 'The longest that the whole run may take' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l cache -d 'Keep responses as servers allow it, and use them again; --cache alone means the user\'s own folder' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l cache-mode -d 'How it is used: standard, offline (send nothing), refresh (ask about all), forever' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l cache-max-size -d 'How large it may become; what was stored first goes [default: 10G]' -r
complete -c patata -n "__fish_patata_using_subcommand get" -s x -l proxy -d 'The proxy, as http://HOST:PORT or socks5h://HOST:PORT [default: what HTTP_PROXY and the like say]' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l cacert -d 'Trust the authorities in this PEM file instead of the machine\'s' -r -F
complete -c patata -n "__fish_patata_using_subcommand get" -s E -l cert -d 'Show this certificate (PEM) to servers that ask for one' -r -F
complete -c patata -n "__fish_patata_using_subcommand get" -l key -d 'Its key, if that is in a file of its own' -r -F
complete -c patata -n "__fish_patata_using_subcommand get" -l resolve -d 'The addresses of a host, whatever its port, instead of looking its name up' -r
complete -c patata -n "__fish_patata_using_subcommand get" -l unix-socket -d 'Connect to this unix socket, whatever the URL says' -r -F
complete -c patata -n "__fish_patata_using_subcommand get" -l http -d 'The version of HTTP [default: 2 where TLS settles on it, else 1.1]' -r -f -a "1.1\t''
2\t''"
complete -c patata -n "__fish_patata_using_subcommand get" -l tls-min -d 'The oldest version of TLS [default: 1.2]' -r -f -a "1.2\t''
1.3\t''"
complete -c patata -n "__fish_patata_using_subcommand get" -l config -d 'Read defaults from this file [default: ~/.config/patata/config.toml]' -r -F
complete -c patata -n "__fish_patata_using_subcommand get" -s i -l include -d 'Print status and headers before the body'
complete -c patata -n "__fish_patata_using_subcommand get" -s f -l fail -d 'Print no body where the status is that of a failure; the status goes to stderr'
complete -c patata -n "__fish_patata_using_subcommand get" -s s -l silent -d 'Print no message of what failed, only exit by its code'
complete -c patata -n "__fish_patata_using_subcommand get" -l cookie-jar -d 'Keep the cookies that servers set, and send them back'
complete -c patata -n "__fish_patata_using_subcommand get" -s L -l location -d 'Follow redirects, which is what is done anyway'
complete -c patata -n "__fish_patata_using_subcommand get" -l no-follow-redirects -d 'Take redirects for the responses that they are'
complete -c patata -n "__fish_patata_using_subcommand get" -l retry-non-idempotent -d 'Try again also what may have been done already, as a POST that was answered with 500'
complete -c patata -n "__fish_patata_using_subcommand get" -l idempotency-key -d 'Give each POST and the like a key, by which a server knows it again when it is sent twice'
complete -c patata -n "__fish_patata_using_subcommand get" -l no-proxy -d 'No proxy, whatever the environment says'
complete -c patata -n "__fish_patata_using_subcommand get" -s k -l insecure -d 'Accept any certificate of any server'
complete -c patata -n "__fish_patata_using_subcommand get" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand get" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand post" -s o -l output -d 'Write the body to a file, and nothing to stdout' -r -F
complete -c patata -n "__fish_patata_using_subcommand post" -l ok -d 'Statuses that are no failure [default: all below 400]' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l pages -d 'Follow pages, as cursor:meta.next:after, header-link or auto' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l items -d 'Give each item of a page by itself, as those at data.results' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l pages-allow-origin -d 'Let pages lead to this origin too, which gets the credentials: https://other.example, or any' -r
complete -c patata -n "__fish_patata_using_subcommand post" -s X -l request -d 'The method [default: GET, or POST with a body]' -r
complete -c patata -n "__fish_patata_using_subcommand post" -s H -l header -d 'A header, as "Accept: text/csv"' -r
complete -c patata -n "__fish_patata_using_subcommand post" -s d -l data -d 'The body: JSON if it looks so, else a form; @FILE for a file' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l json -d 'The body as JSON; @FILE for a file' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l form -d 'A field of a form, which is the body (urlencoded)' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l param -d 'A query parameter' -r
complete -c patata -n "__fish_patata_using_subcommand post" -s u -l user -d 'Name and password, as me:env:PASSWORD' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l bearer -d 'A token, as env:VARIABLE, for "Authorization: Bearer"' -r
complete -c patata -n "__fish_patata_using_subcommand post" -s b -l cookie -d 'Cookies, as "name=value; name=value"' -r
complete -c patata -n "__fish_patata_using_subcommand post" -s A -l user-agent -d 'Who is asking [default: patata/VERSION]' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l max-redirects -d 'Follow so many redirects at most [default: 10]' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l max-response-size -d 'Refuse longer bodies, as 100M [default: 64M]' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l max-decompression-ratio -d 'Refuse bodies that unpack to so many times their size [default: 200]' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l budget -d 'How much of a unit in a time, as tokens=90000/min; or the handle of a budget that is shared, as env:NAME' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l budget-timeout -d 'Wait so long for a shared budget that does not answer [default: 60s]' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l retry -d 'Send again what failed in passing, up to so many times' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l retries -d 'The same as attempts in total: --retries 3 is --retry 2' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l retry-statuses -d 'Statuses that are tried again [default: 408, 425, 429, 5xx save 501 and 505]' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l retry-budget -d 'Send again at most such a share of all requests, as 10%; "none" for no limit [default: 10%]' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l backoff -d 'The longest wait before the first retry, doubled for each further one [default: 100ms]' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l max-backoff -d 'What the doubling stops at [default: 30s]' -r
complete -c patata -n "__fish_patata_using_subcommand post" -s m -l timeout -d 'The longest that one attempt may take [default: 300s]' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l connect-timeout -d 'The longest that connecting may take [default: 10s]' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l total-timeout -d 'The longest that a request may take with all its retries' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l host-timeout -d 'The longest that a host which has answered before is waited for when it is in trouble [default: 60s]' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l deadline -d 'The longest that the whole run may take' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l cache -d 'Keep responses as servers allow it, and use them again; --cache alone means the user\'s own folder' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l cache-mode -d 'How it is used: standard, offline (send nothing), refresh (ask about all), forever' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l cache-max-size -d 'How large it may become; what was stored first goes [default: 10G]' -r
complete -c patata -n "__fish_patata_using_subcommand post" -s x -l proxy -d 'The proxy, as http://HOST:PORT or socks5h://HOST:PORT [default: what HTTP_PROXY and the like say]' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l cacert -d 'Trust the authorities in this PEM file instead of the machine\'s' -r -F
complete -c patata -n "__fish_patata_using_subcommand post" -s E -l cert -d 'Show this certificate (PEM) to servers that ask for one' -r -F
complete -c patata -n "__fish_patata_using_subcommand post" -l key -d 'Its key, if that is in a file of its own' -r -F
complete -c patata -n "__fish_patata_using_subcommand post" -l resolve -d 'The addresses of a host, whatever its port, instead of looking its name up' -r
complete -c patata -n "__fish_patata_using_subcommand post" -l unix-socket -d 'Connect to this unix socket, whatever the URL says' -r -F
complete -c patata -n "__fish_patata_using_subcommand post" -l http -d 'The version of HTTP [default: 2 where TLS settles on it, else 1.1]' -r -f -a "1.1\t''
2\t''"
complete -c patata -n "__fish_patata_using_subcommand post" -l tls-min -d 'The oldest version of TLS [default: 1.2]' -r -f -a "1.2\t''
1.3\t''"
complete -c patata -n "__fish_patata_using_subcommand post" -l config -d 'Read defaults from this file [default: ~/.config/patata/config.toml]' -r -F
complete -c patata -n "__fish_patata_using_subcommand post" -s i -l include -d 'Print status and headers before the body'
complete -c patata -n "__fish_patata_using_subcommand post" -s f -l fail -d 'Print no body where the status is that of a failure; the status goes to stderr'
complete -c patata -n "__fish_patata_using_subcommand post" -s s -l silent -d 'Print no message of what failed, only exit by its code'
complete -c patata -n "__fish_patata_using_subcommand post" -l cookie-jar -d 'Keep the cookies that servers set, and send them back'
complete -c patata -n "__fish_patata_using_subcommand post" -s L -l location -d 'Follow redirects, which is what is done anyway'
complete -c patata -n "__fish_patata_using_subcommand post" -l no-follow-redirects -d 'Take redirects for the responses that they are'
complete -c patata -n "__fish_patata_using_subcommand post" -l retry-non-idempotent -d 'Try again also what may have been done already, as a POST that was answered with 500'
complete -c patata -n "__fish_patata_using_subcommand post" -l idempotency-key -d 'Give each POST and the like a key, by which a server knows it again when it is sent twice'
complete -c patata -n "__fish_patata_using_subcommand post" -l no-proxy -d 'No proxy, whatever the environment says'
complete -c patata -n "__fish_patata_using_subcommand post" -s k -l insecure -d 'Accept any certificate of any server'
complete -c patata -n "__fish_patata_using_subcommand post" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand post" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand put" -s o -l output -d 'Write the body to a file, and nothing to stdout' -r -F
complete -c patata -n "__fish_patata_using_subcommand put" -l ok -d 'Statuses that are no failure [default: all below 400]' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l pages -d 'Follow pages, as cursor:meta.next:after, header-link or auto' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l items -d 'Give each item of a page by itself, as those at data.results' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l pages-allow-origin -d 'Let pages lead to this origin too, which gets the credentials: https://other.example, or any' -r
complete -c patata -n "__fish_patata_using_subcommand put" -s X -l request -d 'The method [default: GET, or POST with a body]' -r
complete -c patata -n "__fish_patata_using_subcommand put" -s H -l header -d 'A header, as "Accept: text/csv"' -r
complete -c patata -n "__fish_patata_using_subcommand put" -s d -l data -d 'The body: JSON if it looks so, else a form; @FILE for a file' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l json -d 'The body as JSON; @FILE for a file' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l form -d 'A field of a form, which is the body (urlencoded)' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l param -d 'A query parameter' -r
complete -c patata -n "__fish_patata_using_subcommand put" -s u -l user -d 'Name and password, as me:env:PASSWORD' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l bearer -d 'A token, as env:VARIABLE, for "Authorization: Bearer"' -r
complete -c patata -n "__fish_patata_using_subcommand put" -s b -l cookie -d 'Cookies, as "name=value; name=value"' -r
complete -c patata -n "__fish_patata_using_subcommand put" -s A -l user-agent -d 'Who is asking [default: patata/VERSION]' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l max-redirects -d 'Follow so many redirects at most [default: 10]' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l max-response-size -d 'Refuse longer bodies, as 100M [default: 64M]' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l max-decompression-ratio -d 'Refuse bodies that unpack to so many times their size [default: 200]' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l budget -d 'How much of a unit in a time, as tokens=90000/min; or the handle of a budget that is shared, as env:NAME' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l budget-timeout -d 'Wait so long for a shared budget that does not answer [default: 60s]' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l retry -d 'Send again what failed in passing, up to so many times' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l retries -d 'The same as attempts in total: --retries 3 is --retry 2' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l retry-statuses -d 'Statuses that are tried again [default: 408, 425, 429, 5xx save 501 and 505]' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l retry-budget -d 'Send again at most such a share of all requests, as 10%; "none" for no limit [default: 10%]' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l backoff -d 'The longest wait before the first retry, doubled for each further one [default: 100ms]' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l max-backoff -d 'What the doubling stops at [default: 30s]' -r
complete -c patata -n "__fish_patata_using_subcommand put" -s m -l timeout -d 'The longest that one attempt may take [default: 300s]' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l connect-timeout -d 'The longest that connecting may take [default: 10s]' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l total-timeout -d 'The longest that a request may take with all its retries' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l host-timeout -d 'The longest that a host which has answered before is waited for when it is in trouble [default: 60s]' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l deadline -d 'The longest that the whole run may take' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l cache -d 'Keep responses as servers allow it, and use them again; --cache alone means the user\'s own folder' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l cache-mode -d 'How it is used: standard, offline (send nothing), refresh (ask about all), forever' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l cache-max-size -d 'How large it may become; what was stored first goes [default: 10G]' -r
complete -c patata -n "__fish_patata_using_subcommand put" -s x -l proxy -d 'The proxy, as http://HOST:PORT or socks5h://HOST:PORT [default: what HTTP_PROXY and the like say]' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l cacert -d 'Trust the authorities in this PEM file instead of the machine\'s' -r -F
complete -c patata -n "__fish_patata_using_subcommand put" -s E -l cert -d 'Show this certificate (PEM) to servers that ask for one' -r -F
complete -c patata -n "__fish_patata_using_subcommand put" -l key -d 'Its key, if that is in a file of its own' -r -F
complete -c patata -n "__fish_patata_using_subcommand put" -l resolve -d 'The addresses of a host, whatever its port, instead of looking its name up' -r
complete -c patata -n "__fish_patata_using_subcommand put" -l unix-socket -d 'Connect to this unix socket, whatever the URL says' -r -F
complete -c patata -n "__fish_patata_using_subcommand put" -l http -d 'The version of HTTP [default: 2 where TLS settles on it, else 1.1]' -r -f -a "1.1\t''
2\t''"
complete -c patata -n "__fish_patata_using_subcommand put" -l tls-min -d 'The oldest version of TLS [default: 1.2]' -r -f -a "1.2\t''
1.3\t''"
complete -c patata -n "__fish_patata_using_subcommand put" -l config -d 'Read defaults from this file [default: ~/.config/patata/config.toml]' -r -F
complete -c patata -n "__fish_patata_using_subcommand put" -s i -l include -d 'Print status and headers before the body'
complete -c patata -n "__fish_patata_using_subcommand put" -s f -l fail -d 'Print no body where the status is that of a failure; the status goes to stderr'
complete -c patata -n "__fish_patata_using_subcommand put" -s s -l silent -d 'Print no message of what failed, only exit by its code'
complete -c patata -n "__fish_patata_using_subcommand put" -l cookie-jar -d 'Keep the cookies that servers set, and send them back'
complete -c patata -n "__fish_patata_using_subcommand put" -s L -l location -d 'Follow redirects, which is what is done anyway'
complete -c patata -n "__fish_patata_using_subcommand put" -l no-follow-redirects -d 'Take redirects for the responses that they are'
complete -c patata -n "__fish_patata_using_subcommand put" -l retry-non-idempotent -d 'Try again also what may have been done already, as a POST that was answered with 500'
complete -c patata -n "__fish_patata_using_subcommand put" -l idempotency-key -d 'Give each POST and the like a key, by which a server knows it again when it is sent twice'
complete -c patata -n "__fish_patata_using_subcommand put" -l no-proxy -d 'No proxy, whatever the environment says'
complete -c patata -n "__fish_patata_using_subcommand put" -s k -l insecure -d 'Accept any certificate of any server'
complete -c patata -n "__fish_patata_using_subcommand put" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand put" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand patch" -s o -l output -d 'Write the body to a file, and nothing to stdout' -r -F
complete -c patata -n "__fish_patata_using_subcommand patch" -l ok -d 'Statuses that are no failure [default: all below 400]' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l pages -d 'Follow pages, as cursor:meta.next:after, header-link or auto' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l items -d 'Give each item of a page by itself, as those at data.results' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l pages-allow-origin -d 'Let pages lead to this origin too, which gets the credentials: https://other.example, or any' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -s X -l request -d 'The method [default: GET, or POST with a body]' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -s H -l header -d 'A header, as "Accept: text/csv"' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -s d -l data -d 'The body: JSON if it looks so, else a form; @FILE for a file' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l json -d 'The body as JSON; @FILE for a file' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l form -d 'A field of a form, which is the body (urlencoded)' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l param -d 'A query parameter' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -s u -l user -d 'Name and password, as me:env:PASSWORD' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l bearer -d 'A token, as env:VARIABLE, for "Authorization: Bearer"' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -s b -l cookie -d 'Cookies, as "name=value; name=value"' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -s A -l user-agent -d 'Who is asking [default: patata/VERSION]' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l max-redirects -d 'Follow so many redirects at most [default: 10]' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l max-response-size -d 'Refuse longer bodies, as 100M [default: 64M]' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l max-decompression-ratio -d 'Refuse bodies that unpack to so many times their size [default: 200]' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l budget -d 'How much of a unit in a time, as tokens=90000/min; or the handle of a budget that is shared, as env:NAME' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l budget-timeout -d 'Wait so long for a shared budget that does not answer [default: 60s]' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l retry -d 'Send again what failed in passing, up to so many times' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l retries -d 'The same as attempts in total: --retries 3 is --retry 2' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l retry-statuses -d 'Statuses that are tried again [default: 408, 425, 429, 5xx save 501 and 505]' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l retry-budget -d 'Send again at most such a share of all requests, as 10%; "none" for no limit [default: 10%]' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l backoff -d 'The longest wait before the first retry, doubled for each further one [default: 100ms]' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l max-backoff -d 'What the doubling stops at [default: 30s]' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -s m -l timeout -d 'The longest that one attempt may take [default: 300s]' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l connect-timeout -d 'The longest that connecting may take [default: 10s]' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l total-timeout -d 'The longest that a request may take with all its retries' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l host-timeout -d 'The longest that a host which has answered before is waited for when it is in trouble [default: 60s]' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l deadline -d 'The longest that the whole run may take' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l cache -d 'Keep responses as servers allow it, and use them again; --cache alone means the user\'s own folder' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l cache-mode -d 'How it is used: standard, offline (send nothing), refresh (ask about all), forever' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l cache-max-size -d 'How large it may become; what was stored first goes [default: 10G]' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -s x -l proxy -d 'The proxy, as http://HOST:PORT or socks5h://HOST:PORT [default: what HTTP_PROXY and the like say]' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l cacert -d 'Trust the authorities in this PEM file instead of the machine\'s' -r -F
complete -c patata -n "__fish_patata_using_subcommand patch" -s E -l cert -d 'Show this certificate (PEM) to servers that ask for one' -r -F
complete -c patata -n "__fish_patata_using_subcommand patch" -l key -d 'Its key, if that is in a file of its own' -r -F
complete -c patata -n "__fish_patata_using_subcommand patch" -l resolve -d 'The addresses of a host, whatever its port, instead of looking its name up' -r
complete -c patata -n "__fish_patata_using_subcommand patch" -l unix-socket -d 'Connect to this unix socket, whatever the URL says' -r -F
complete -c patata -n "__fish_patata_using_subcommand patch" -l http -d 'The version of HTTP [default: 2 where TLS settles on it, else 1.1]' -r -f -a "1.1\t''
2\t''"
complete -c patata -n "__fish_patata_using_subcommand patch" -l tls-min -d 'The oldest version of TLS [default: 1.2]' -r -f -a "1.2\t''
1.3\t''"
complete -c patata -n "__fish_patata_using_subcommand patch" -l config -d 'Read defaults from this file [default: ~/.config/patata/config.toml]' -r -F
complete -c patata -n "__fish_patata_using_subcommand patch" -s i -l include -d 'Print status and headers before the body'
complete -c patata -n "__fish_patata_using_subcommand patch" -s f -l fail -d 'Print no body where the status is that of a failure; the status goes to stderr'
complete -c patata -n "__fish_patata_using_subcommand patch" -s s -l silent -d 'Print no message of what failed, only exit by its code'
complete -c patata -n "__fish_patata_using_subcommand patch" -l cookie-jar -d 'Keep the cookies that servers set, and send them back'
complete -c patata -n "__fish_patata_using_subcommand patch" -s L -l location -d 'Follow redirects, which is what is done anyway'
complete -c patata -n "__fish_patata_using_subcommand patch" -l no-follow-redirects -d 'Take redirects for the responses that they are'
complete -c patata -n "__fish_patata_using_subcommand patch" -l retry-non-idempotent -d 'Try again also what may have been done already, as a POST that was answered with 500'
complete -c patata -n "__fish_patata_using_subcommand patch" -l idempotency-key -d 'Give each POST and the like a key, by which a server knows it again when it is sent twice'
complete -c patata -n "__fish_patata_using_subcommand patch" -l no-proxy -d 'No proxy, whatever the environment says'
complete -c patata -n "__fish_patata_using_subcommand patch" -s k -l insecure -d 'Accept any certificate of any server'
complete -c patata -n "__fish_patata_using_subcommand patch" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand patch" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand delete" -s o -l output -d 'Write the body to a file, and nothing to stdout' -r -F
complete -c patata -n "__fish_patata_using_subcommand delete" -l ok -d 'Statuses that are no failure [default: all below 400]' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l pages -d 'Follow pages, as cursor:meta.next:after, header-link or auto' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l items -d 'Give each item of a page by itself, as those at data.results' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l pages-allow-origin -d 'Let pages lead to this origin too, which gets the credentials: https://other.example, or any' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -s X -l request -d 'The method [default: GET, or POST with a body]' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -s H -l header -d 'A header, as "Accept: text/csv"' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -s d -l data -d 'The body: JSON if it looks so, else a form; @FILE for a file' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l json -d 'The body as JSON; @FILE for a file' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l form -d 'A field of a form, which is the body (urlencoded)' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l param -d 'A query parameter' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -s u -l user -d 'Name and password, as me:env:PASSWORD' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l bearer -d 'A token, as env:VARIABLE, for "Authorization: Bearer"' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -s b -l cookie -d 'Cookies, as "name=value; name=value"' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -s A -l user-agent -d 'Who is asking [default: patata/VERSION]' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l max-redirects -d 'Follow so many redirects at most [default: 10]' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l max-response-size -d 'Refuse longer bodies, as 100M [default: 64M]' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l max-decompression-ratio -d 'Refuse bodies that unpack to so many times their size [default: 200]' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l budget -d 'How much of a unit in a time, as tokens=90000/min; or the handle of a budget that is shared, as env:NAME' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l budget-timeout -d 'Wait so long for a shared budget that does not answer [default: 60s]' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l retry -d 'Send again what failed in passing, up to so many times' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l retries -d 'The same as attempts in total: --retries 3 is --retry 2' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l retry-statuses -d 'Statuses that are tried again [default: 408, 425, 429, 5xx save 501 and 505]' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l retry-budget -d 'Send again at most such a share of all requests, as 10%; "none" for no limit [default: 10%]' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l backoff -d 'The longest wait before the first retry, doubled for each further one [default: 100ms]' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l max-backoff -d 'What the doubling stops at [default: 30s]' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -s m -l timeout -d 'The longest that one attempt may take [default: 300s]' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l connect-timeout -d 'The longest that connecting may take [default: 10s]' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l total-timeout -d 'The longest that a request may take with all its retries' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l host-timeout -d 'The longest that a host which has answered before is waited for when it is in trouble [default: 60s]' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l deadline -d 'The longest that the whole run may take' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l cache -d 'Keep responses as servers allow it, and use them again; --cache alone means the user\'s own folder' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l cache-mode -d 'How it is used: standard, offline (send nothing), refresh (ask about all), forever' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l cache-max-size -d 'How large it may become; what was stored first goes [default: 10G]' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -s x -l proxy -d 'The proxy, as http://HOST:PORT or socks5h://HOST:PORT [default: what HTTP_PROXY and the like say]' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l cacert -d 'Trust the authorities in this PEM file instead of the machine\'s' -r -F
complete -c patata -n "__fish_patata_using_subcommand delete" -s E -l cert -d 'Show this certificate (PEM) to servers that ask for one' -r -F
complete -c patata -n "__fish_patata_using_subcommand delete" -l key -d 'Its key, if that is in a file of its own' -r -F
complete -c patata -n "__fish_patata_using_subcommand delete" -l resolve -d 'The addresses of a host, whatever its port, instead of looking its name up' -r
complete -c patata -n "__fish_patata_using_subcommand delete" -l unix-socket -d 'Connect to this unix socket, whatever the URL says' -r -F
complete -c patata -n "__fish_patata_using_subcommand delete" -l http -d 'The version of HTTP [default: 2 where TLS settles on it, else 1.1]' -r -f -a "1.1\t''
2\t''"
complete -c patata -n "__fish_patata_using_subcommand delete" -l tls-min -d 'The oldest version of TLS [default: 1.2]' -r -f -a "1.2\t''
1.3\t''"
complete -c patata -n "__fish_patata_using_subcommand delete" -l config -d 'Read defaults from this file [default: ~/.config/patata/config.toml]' -r -F
complete -c patata -n "__fish_patata_using_subcommand delete" -s i -l include -d 'Print status and headers before the body'
complete -c patata -n "__fish_patata_using_subcommand delete" -s f -l fail -d 'Print no body where the status is that of a failure; the status goes to stderr'
complete -c patata -n "__fish_patata_using_subcommand delete" -s s -l silent -d 'Print no message of what failed, only exit by its code'
complete -c patata -n "__fish_patata_using_subcommand delete" -l cookie-jar -d 'Keep the cookies that servers set, and send them back'
complete -c patata -n "__fish_patata_using_subcommand delete" -s L -l location -d 'Follow redirects, which is what is done anyway'
complete -c patata -n "__fish_patata_using_subcommand delete" -l no-follow-redirects -d 'Take redirects for the responses that they are'
complete -c patata -n "__fish_patata_using_subcommand delete" -l retry-non-idempotent -d 'Try again also what may have been done already, as a POST that was answered with 500'
complete -c patata -n "__fish_patata_using_subcommand delete" -l idempotency-key -d 'Give each POST and the like a key, by which a server knows it again when it is sent twice'
complete -c patata -n "__fish_patata_using_subcommand delete" -l no-proxy -d 'No proxy, whatever the environment says'
complete -c patata -n "__fish_patata_using_subcommand delete" -s k -l insecure -d 'Accept any certificate of any server'
complete -c patata -n "__fish_patata_using_subcommand delete" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand delete" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand head" -s o -l output -d 'Write the body to a file, and nothing to stdout' -r -F
complete -c patata -n "__fish_patata_using_subcommand head" -l ok -d 'Statuses that are no failure [default: all below 400]' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l pages -d 'Follow pages, as cursor:meta.next:after, header-link or auto' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l items -d 'Give each item of a page by itself, as those at data.results' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l pages-allow-origin -d 'Let pages lead to this origin too, which gets the credentials: https://other.example, or any' -r
complete -c patata -n "__fish_patata_using_subcommand head" -s X -l request -d 'The method [default: GET, or POST with a body]' -r
complete -c patata -n "__fish_patata_using_subcommand head" -s H -l header -d 'A header, as "Accept: text/csv"' -r
complete -c patata -n "__fish_patata_using_subcommand head" -s d -l data -d 'The body: JSON if it looks so, else a form; @FILE for a file' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l json -d 'The body as JSON; @FILE for a file' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l form -d 'A field of a form, which is the body (urlencoded)' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l param -d 'A query parameter' -r
complete -c patata -n "__fish_patata_using_subcommand head" -s u -l user -d 'Name and password, as me:env:PASSWORD' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l bearer -d 'A token, as env:VARIABLE, for "Authorization: Bearer"' -r
complete -c patata -n "__fish_patata_using_subcommand head" -s b -l cookie -d 'Cookies, as "name=value; name=value"' -r
complete -c patata -n "__fish_patata_using_subcommand head" -s A -l user-agent -d 'Who is asking [default: patata/VERSION]' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l max-redirects -d 'Follow so many redirects at most [default: 10]' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l max-response-size -d 'Refuse longer bodies, as 100M [default: 64M]' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l max-decompression-ratio -d 'Refuse bodies that unpack to so many times their size [default: 200]' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l budget -d 'How much of a unit in a time, as tokens=90000/min; or the handle of a budget that is shared, as env:NAME' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l budget-timeout -d 'Wait so long for a shared budget that does not answer [default: 60s]' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l retry -d 'Send again what failed in passing, up to so many times' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l retries -d 'The same as attempts in total: --retries 3 is --retry 2' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l retry-statuses -d 'Statuses that are tried again [default: 408, 425, 429, 5xx save 501 and 505]' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l retry-budget -d 'Send again at most such a share of all requests, as 10%; "none" for no limit [default: 10%]' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l backoff -d 'The longest wait before the first retry, doubled for each further one [default: 100ms]' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l max-backoff -d 'What the doubling stops at [default: 30s]' -r
complete -c patata -n "__fish_patata_using_subcommand head" -s m -l timeout -d 'The longest that one attempt may take [default: 300s]' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l connect-timeout -d 'The longest that connecting may take [default: 10s]' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l total-timeout -d 'The longest that a request may take with all its retries' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l host-timeout -d 'The longest that a host which has answered before is waited for when it is in trouble [default: 60s]' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l deadline -d 'The longest that the whole run may take' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l cache -d 'Keep responses as servers allow it, and use them again; --cache alone means the user\'s own folder' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l cache-mode -d 'How it is used: standard, offline (send nothing), refresh (ask about all), forever' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l cache-max-size -d 'How large it may become; what was stored first goes [default: 10G]' -r
complete -c patata -n "__fish_patata_using_subcommand head" -s x -l proxy -d 'The proxy, as http://HOST:PORT or socks5h://HOST:PORT [default: what HTTP_PROXY and the like say]' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l cacert -d 'Trust the authorities in this PEM file instead of the machine\'s' -r -F
complete -c patata -n "__fish_patata_using_subcommand head" -s E -l cert -d 'Show this certificate (PEM) to servers that ask for one' -r -F
complete -c patata -n "__fish_patata_using_subcommand head" -l key -d 'Its key, if that is in a file of its own' -r -F
complete -c patata -n "__fish_patata_using_subcommand head" -l resolve -d 'The addresses of a host, whatever its port, instead of looking its name up' -r
complete -c patata -n "__fish_patata_using_subcommand head" -l unix-socket -d 'Connect to this unix socket, whatever the URL says' -r -F
complete -c patata -n "__fish_patata_using_subcommand head" -l http -d 'The version of HTTP [default: 2 where TLS settles on it, else 1.1]' -r -f -a "1.1\t''
2\t''"
complete -c patata -n "__fish_patata_using_subcommand head" -l tls-min -d 'The oldest version of TLS [default: 1.2]' -r -f -a "1.2\t''
1.3\t''"
complete -c patata -n "__fish_patata_using_subcommand head" -l config -d 'Read defaults from this file [default: ~/.config/patata/config.toml]' -r -F
complete -c patata -n "__fish_patata_using_subcommand head" -s i -l include -d 'Print status and headers before the body'
complete -c patata -n "__fish_patata_using_subcommand head" -s f -l fail -d 'Print no body where the status is that of a failure; the status goes to stderr'
complete -c patata -n "__fish_patata_using_subcommand head" -s s -l silent -d 'Print no message of what failed, only exit by its code'
complete -c patata -n "__fish_patata_using_subcommand head" -l cookie-jar -d 'Keep the cookies that servers set, and send them back'
complete -c patata -n "__fish_patata_using_subcommand head" -s L -l location -d 'Follow redirects, which is what is done anyway'
complete -c patata -n "__fish_patata_using_subcommand head" -l no-follow-redirects -d 'Take redirects for the responses that they are'
complete -c patata -n "__fish_patata_using_subcommand head" -l retry-non-idempotent -d 'Try again also what may have been done already, as a POST that was answered with 500'
complete -c patata -n "__fish_patata_using_subcommand head" -l idempotency-key -d 'Give each POST and the like a key, by which a server knows it again when it is sent twice'
complete -c patata -n "__fish_patata_using_subcommand head" -l no-proxy -d 'No proxy, whatever the environment says'
complete -c patata -n "__fish_patata_using_subcommand head" -s k -l insecure -d 'Accept any certificate of any server'
complete -c patata -n "__fish_patata_using_subcommand head" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand head" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand serve" -l address -d 'The address and port to serve on; port 0 is any that is free' -r
complete -c patata -n "__fish_patata_using_subcommand serve" -l threads -d 'How many threads serve' -r
complete -c patata -n "__fish_patata_using_subcommand serve" -l requests-per-minute -d 'Be a language model\'s API too, which serves so many requests a minute' -r
complete -c patata -n "__fish_patata_using_subcommand serve" -l tokens-per-minute -d 'The same for tokens, of prompts and answers; a word is a token' -r
complete -c patata -n "__fish_patata_using_subcommand serve" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand serve" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand budget; and not __fish_seen_subcommand_from serve status" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand budget; and not __fish_seen_subcommand_from serve status" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand budget; and not __fish_seen_subcommand_from serve status" -f -a "serve" -d 'Hold a budget until Ctrl-C; the handle that opens it is the first line on stdout'
complete -c patata -n "__fish_patata_using_subcommand budget; and not __fish_seen_subcommand_from serve status" -f -a "status" -d 'Tell who uses how much of a budget, and what is waiting'
complete -c patata -n "__fish_patata_using_subcommand budget; and __fish_seen_subcommand_from serve" -l rate -d 'Requests in a time, as 100/s or 600/min; several hold together' -r
complete -c patata -n "__fish_patata_using_subcommand budget; and __fish_seen_subcommand_from serve" -l budget -d 'Another unit in a time, as tokens=90000/min' -r
complete -c patata -n "__fish_patata_using_subcommand budget; and __fish_seen_subcommand_from serve" -s c -l concurrency -d 'Requests in flight at once' -r
complete -c patata -n "__fish_patata_using_subcommand budget; and __fish_seen_subcommand_from serve" -l listen -d 'The address and port to listen on [default: 127.0.0.1 and a port that is free]' -r
complete -c patata -n "__fish_patata_using_subcommand budget; and __fish_seen_subcommand_from serve" -l unix -d 'Listen on a socket in a folder, which the same user only can open' -r -F
complete -c patata -n "__fish_patata_using_subcommand budget; and __fish_seen_subcommand_from serve" -l secret -d 'The secret that opens it, from a variable, as env:NAME [default: one that is made up]' -r
complete -c patata -n "__fish_patata_using_subcommand budget; and __fish_seen_subcommand_from serve" -l state -d 'Keep in this file what is used up, and go on from there when started again' -r -F
complete -c patata -n "__fish_patata_using_subcommand budget; and __fish_seen_subcommand_from serve" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand budget; and __fish_seen_subcommand_from serve" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand budget; and __fish_seen_subcommand_from status" -l json -d 'As JSON'
complete -c patata -n "__fish_patata_using_subcommand budget; and __fish_seen_subcommand_from status" -l watch -d 'Tell it each second, until Ctrl-C'
complete -c patata -n "__fish_patata_using_subcommand budget; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand budget; and __fish_seen_subcommand_from status" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand completions" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand completions" -s V -l version -d 'Print version'
complete -c patata -n "__fish_patata_using_subcommand man" -s h -l help -d 'Print help; all of it: --help all'
complete -c patata -n "__fish_patata_using_subcommand man" -s V -l version -d 'Print version'
