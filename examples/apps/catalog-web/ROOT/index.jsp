<%@ page contentType="text/html; charset=UTF-8" %>
<!DOCTYPE html>
<title>catalog</title>
<h1>catalog</h1>
<p>Served by <%= application.getServerInfo() %> to <%= request.getHeader("X-Real-IP") %>.</p>
