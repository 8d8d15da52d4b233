// Comfort only: nothing on the page needs it. Sorting, CSV of a table, a filter for items, keys n and p.
(function(){'use strict';
var all=function(q,r){return Array.prototype.slice.call((r||document).querySelectorAll(q))};
var make=function(tag,text,cls){var e=document.createElement(tag);if(text)e.textContent=text;if(cls)e.className=cls;return e};
function key(row,at){var c=row.cells[at];if(!c)return null;var v=c.getAttribute('data-v');
return v===null?c.textContent.trim():parseFloat(v)}
function order(a,b){var n=typeof a==='number',m=typeof b==='number';
if(n&&m)return a-b;if(n)return -1;if(m)return 1;return a<b?-1:a>b?1:0}
function sort(table,th,at){var down=th.getAttribute('aria-sort')==='ascending';
all('th[aria-sort]',table).forEach(function(o){o.removeAttribute('aria-sort')});
th.setAttribute('aria-sort',down?'descending':'ascending');
Array.prototype.forEach.call(table.tBodies,function(body){
var rows=all('tr',body).filter(function(r){return !r.classList.contains('group')&&!r.classList.contains('base')});
rows.map(function(r,i){return{r:r,i:i,k:key(r,at)}}).sort(function(x,y){
var d=order(x.k,y.k);return (down?-d:d)||x.i-y.i}).forEach(function(x){body.appendChild(x.r)})})}
function field(text){text=text.trim().replace(/\s+/g,' ').replace(/\u2212/g,'-');
if(/^[\s]*[=+\-@|%]/.test(text)&&!/^[+\-]?\d[\d.,]*(e[+\-]?\d+)?$/i.test(text))text="'"+text;
return '"'+text.replace(/"/g,'""')+'"'}
function csv(table){return all('tr',table).map(function(r){return Array.prototype.map.call(r.cells,function(c){
var v=c.getAttribute('data-v');return v===null?field(c.textContent):v}).join(',')}).join('\r\n')+'\r\n'}
function save(table){var a=make('a');a.href=URL.createObjectURL(new Blob([csv(table)],{type:'text/csv'}));
a.download='table.csv';document.body.appendChild(a);a.click();document.body.removeChild(a);
setTimeout(function(){URL.revokeObjectURL(a.href)},1000)}
all('table.sortable').forEach(function(table){
var head=table.tHead&&table.tHead.rows[table.tHead.rows.length-1];if(!head)return;
if(!all('th[colspan]',head).length)Array.prototype.forEach.call(head.cells,function(th,at){
var b=make('button',th.textContent);b.type='button';th.textContent='';th.appendChild(b);
b.addEventListener('click',function(){sort(table,th,at)})});
var bar=make('div','','tools'),b=make('button','CSV');b.type='button';
b.setAttribute('aria-label','Save as CSV: '+table.caption.textContent);
b.addEventListener('click',function(){save(table)});bar.appendChild(b);
table.parentNode.parentNode.insertBefore(bar,table.parentNode.nextSibling)});
var items=all('details.item'),here=-1,host=document.getElementById('items');
function show(at){var seen=items.filter(function(d){return !d.classList.contains('hidden')});if(!seen.length)return;
here=(at+seen.length)%seen.length;seen.forEach(function(d,i){d.open=i===here});
var up=seen[here].parentNode.closest('details');while(up){up.open=true;up=up.parentNode.closest('details')}
seen[here].scrollIntoView({block:'start'});seen[here].querySelector('summary').focus();
history.replaceState(null,'','#'+seen[here].id)}
if(items.length&&host){var bar=make('div','','bar'),label=make('label','Filter items: '),box=make('input'),out=make('span');
box.type='search';label.appendChild(box);out.setAttribute('role','status');bar.appendChild(label);bar.appendChild(out);
bar.appendChild(make('span','Keys n and p step through the items.'));host.insertBefore(bar,host.firstChild);
box.addEventListener('input',function(){var word=box.value.toLowerCase(),n=0;here=-1;
items.forEach(function(d){var hit=d.textContent.toLowerCase().indexOf(word)>=0;d.classList.toggle('hidden',!hit);if(hit)n++});
all('details.group',host).forEach(function(g){if(word)g.open=!!g.querySelector('details.item:not(.hidden)')});
out.textContent=word?n+' of '+items.length:''});
document.addEventListener('keydown',function(e){if(e.ctrlKey||e.metaKey||e.altKey||/INPUT|TEXTAREA/.test(e.target.tagName))return;
if(e.key==='n')show(here+1);else if(e.key==='p')show(here-1)})}
function unfold(){var at=location.hash.slice(1),e=at&&document.getElementById(at);
while(e){if(e.tagName==='DETAILS')e.open=true;e=e.parentNode&&e.parentNode.closest?e.parentNode.closest('details'):null}}
window.addEventListener('hashchange',unfold);unfold();
})();
