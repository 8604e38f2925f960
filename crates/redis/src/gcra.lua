-- The generic cell rate algorithm (ITU-T I.371) on the server's clock. KEYS[1] holds when the caller's quota is whole
-- again, in microseconds. ARGV: microseconds that a request costs, microseconds of the whole quota, requests that were
-- let through uncounted. Answers whether the request is allowed, and the caller's debt then.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost, span, owed = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local debt = math.max((tonumber(redis.call('GET', KEYS[1])) or now) - now, 0)
-- More than the whole quota is owed where the clock went back: written down anew, it refills from now on.
local is_past = debt > span
debt = math.min(debt + owed * cost, span)
local allowed = debt + cost <= span
if allowed then
    debt = debt + cost
end
if allowed or owed > 0 or is_past then
    redis.call('SET', KEYS[1], string.format('%.0f', now + debt), 'PX', math.ceil(debt / 1000) + 1)
end
return { allowed and 1 or 0, debt }
